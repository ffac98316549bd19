"""The console as people use it: over HTTP, and in a real browser."""
