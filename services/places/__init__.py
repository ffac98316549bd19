"""Counted places of offers: what every service that counts some has in common."""
