"""Why a command could not do what was asked, and what the person may do about it."""

AWAY = "Is it running? On one machine ./dev up starts it; elsewhere see docs/operating.md (/ready says no)."
UNKNOWN = "Is its code right, is the directory loaded?"
"""Of an agency that is not found."""
UNSEEN = f"{UNKNOWN} May KAFKA_USER see its topics?"


class CannotDo(Exception):
    """`reason` and `remedy` are sentences for a person. status: the exit code; 2 when asked wrongly."""

    def __init__(self, reason: str, remedy: str = "", *, status: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.status = reason, remedy, status
