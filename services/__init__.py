"""The services: each owns its aggregates and its database, and learns of the others only by events."""
