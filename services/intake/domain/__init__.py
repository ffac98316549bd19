"""What intake decides: whether a meeting with a person can be recorded, and what is said of it."""
