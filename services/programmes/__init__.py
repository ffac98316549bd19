"""Appointments and courses: slots and seats, counted for each offer."""
