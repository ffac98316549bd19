"""The directory: who the agencies are, where their work arrives, and what they offer to whom."""
