"""What ends a command with a plain sentence instead of a traceback."""


class CannotRun(Exception):
    """The machine, the network or another program stands in the way; the text says what, and what to do."""
