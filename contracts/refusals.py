"""How a rule says no: a stable code of `rejection_codes.json`, and where in the command the fault lies."""

from uuid import UUID

from contracts import codes


class Refusal(Exception):
    """A command that is refused. It changes nothing and is answered with its code; no input is kept in it."""

    def __init__(
        self,
        code: str,
        pointer: str | None = None,
        *,
        subject: str | None = None,
        state: str | None = None,
        version: int | None = None,
        successor_id: UUID | None = None,
        successor_agency: str | None = None,
        allowed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(code)
        self.code, self.pointer = code, pointer
        self.subject, self.state, self.version = subject, state, version
        self.successor_id, self.successor_agency, self.allowed = successor_id, successor_agency, allowed

    @property
    def message(self) -> str:
        """What the code means, in English (the lists hold the Italian too)."""
        return str(codes.codes("rejection_codes")[self.code]["meaning"])

    @property
    def http_status(self) -> int:
        return int(codes.codes("rejection_codes")[self.code]["http_status"])
