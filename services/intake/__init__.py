"""Intake: records the meetings, keeps who the people are."""
