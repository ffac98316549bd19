"""The `staffetta` command: what a person at a keyboard asks of the relay."""
