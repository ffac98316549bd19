"""Beds: who sleeps where, who waits, and that no bed is promised twice."""
