"""What the gate hands out: referrals, tasks and pairs, each as one person may see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from contracts import codes
from services.console.domain import access, twins

Doc = dict[str, Any]

NOBODY: Doc = {"person": None, "person_ref": None}
"""What of a person is shown to who is no party to the referral."""
NOT_THEIRS: Doc = {"sender_ref": None}
"""What is shown to the sender alone: what it calls the referral."""
RESERVED: Doc = {"reserved": True, "offer": None, "receiver_queue": None, "owner": None}
"""How a sensitive service is shown to who is no party: the offer and the desk would name it too."""
OWED = ("_id", "code", "service", "state", "version", "priority", "owes", "journey_id", "receiver_agency", "erased_at")
"""What is left of a referral for who has to delete the rest."""


@dataclass(frozen=True, slots=True)
class Case:
    """A referral as this person may see it, and as what they see it."""

    row: Doc
    relations: frozenset[str]

    @property
    def id(self) -> str:
        return str(self.row["_id"])


@dataclass(frozen=True, slots=True)
class Page:
    """So many of all there are; number: which page of them, counted from 1."""

    ROWS: ClassVar[int] = 50

    cases: list[Case]
    count: int
    number: int

    @property
    def pages(self) -> int:
        return -(-self.count // self.ROWS)


@dataclass(frozen=True, slots=True)
class Todo:
    """A task. case: the referral that it is about, if this person may see it.

    code: of that, or of the need that came to nobody; ref: what their agency calls it.
    opens: whether they may ask another agency; corrects: whether they may put right the entry that it is about;
    completes: whether they may say that it was done.
    """

    row: Doc
    case: Case | None
    code: str | None
    ref: str | None
    opens: bool
    corrects: bool
    completes: bool


@dataclass(frozen=True, slots=True)
class Met:
    """A meeting of the person's own agency. person_ref, meetings: whom it met, and how often; erased_at: since when
    nothing is kept of who that is; open: what came of all of these and is not over.
    """

    intake_id: str
    person_ref: str
    erased_at: datetime | None
    meetings: int
    open: list[Case]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who may be one. cases: what came of the meeting that asks; before: of the earlier ones that the own
    agency had; choices: what this person may say.
    """

    row: Doc
    cases: list[Case]
    before: list[Case]
    choices: tuple[str, ...]

    @property
    def is_waiting(self) -> bool:
        """Nobody has said yet whether they are one."""
        return self.row["state"] in twins.WAITING


def as_seen(row: Doc, relations: frozenset[str]) -> Doc:
    """What of a referral is shown to who has these relations to it."""
    if relations == access.OWING:
        return {name: row.get(name) for name in OWED}
    of_others = {} if access.is_party(relations) else NOBODY | (RESERVED if is_sensitive(row["service"]) else {})
    return row | of_others | ({} if "sender" in relations else NOT_THEIRS)


def is_sensitive(service: str) -> bool:
    """Whether the service alone says something of health, violence or a minor (`services.json`)."""
    return codes.codes("services").get(service, {}).get("bus_code") != service
