"""The one answer that every command gets."""

from uuid import UUID

from pydantic import computed_field

from contracts.values import AgencyCode, Asked, Code, Message


class Answer(Message):
    """What became of a command, to who asked for it; `command_id` is its name as the agency sent it."""

    asked: Asked

    @computed_field
    @property
    def command_id(self) -> str | None:
        return self.asked.command_id


class CommandAccepted(Answer):
    """A command was carried out. `subject` is the aggregate it was about, `version` that aggregate's after it."""

    TYPE = "staffetta.command.accepted.v1"

    subject: str
    version: int = 0
    state: Code | None = None
    flags: tuple[Code, ...] = ()
    intake_id: UUID | None = None
    linked_referral_id: UUID | None = None


class CommandRejected(Answer):
    """A command was refused and changed nothing; `code` is one of `rejection_codes.json`, no input is echoed.

    `pointer` is a JSON pointer into the command, `state` and `version` the current ones of a referral,
    `place` where bytes lie that cannot be read or that nothing names, `allowed` what would be taken instead.
    """

    TYPE = "staffetta.command.rejected.v1"

    code: Code
    pointer: str | None = None
    message: str
    subject: str | None = None
    state: Code | None = None
    version: int | None = None
    successor_id: UUID | None = None
    successor_agency: AgencyCode | None = None
    allowed: tuple[str, ...] = ()
    place: str | None = None
