"""What the gateway decides: what becomes of a message from outside, and who is told of an event."""
