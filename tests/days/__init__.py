"""Sixty days of a city, on the services' own handlers and sweeps: agencies accept, decline, ignore or vanish."""
