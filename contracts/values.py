"""The values messages are made of: bounded texts, codes, aware times, and how a person is described without a name."""

import operator
import unicodedata
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from typing import Annotated, ClassVar
from uuid import UUID, uuid5

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

MAX_BODY_BYTES = 262_144
MAX_DEPTH = 32

_DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _readable(text: str, allowed: str) -> str:
    for c in text:
        if c in _DIRECTION_OVERRIDES or (unicodedata.category(c) == "Cc" and c not in allowed):
            raise PydanticCustomError("control_character", "holds a control or text-direction override character")
    return text


def _one_line(text: str) -> str:
    return _readable(text, allowed="")


def _lines(text: str) -> str:
    return _readable(text, allowed="\n\r\t")


def first_day(partial: str) -> date:
    """Of a `PartialDate`: the first day that it may be."""
    return date.fromisoformat(partial + "-01-01"[len(partial) - len("2000") :])


def _known_part(text: str) -> str:
    try:
        first_day(text)
    except ValueError:
        raise PydanticCustomError("date_parsing", "is no day, month or year of the calendar") from None
    return text


def _utc(at: datetime) -> datetime:
    if not MINYEAR < at.year < MAXYEAR:  # then it has no year in some city
        raise PydanticCustomError("datetime_out_of_range", "lies outside the years 2 to 9998")
    return at.astimezone(UTC)


def _written_out(at: object) -> object:
    """pydantic takes a number, also one in quotes, for the seconds since 1970."""
    if isinstance(at, int | float):
        raise PydanticCustomError("datetime_type", "is a number and no time")
    if isinstance(at, str) and at[4:5] != "-":
        raise PydanticCustomError("datetime_parsing", "is no time such as 2026-11-20T00:00:00Z")
    return at


Time = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out), AfterValidator(_utc)]
PartialDate = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$"), AfterValidator(_known_part)]
"""A day, a month or a year (FHIR `date`): as much of it as is known."""

Unspoken = Annotated[bool, Field(exclude_if=operator.not_)]
"""Is in a message only where it is true."""

Name = Annotated[str, StringConstraints(max_length=120), AfterValidator(_one_line)]
Short = Annotated[str, StringConstraints(max_length=300), AfterValidator(_one_line)]
Narrative = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_lines)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_one_line)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_one_line)]
AgencyCode = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9][a-z0-9_]*(\.[a-z0-9_]+)*$")]
PublicCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[0-9A-HJKMNP-TV-Z]{6}$")]
"""What people call a referral (`contracts.notifications.public_code`); it goes out in mails."""
Version = Annotated[int, Field(ge=0, le=2**31)]


class Value(BaseModel):
    """A part of a message of ours: unknown fields are ignored, so that v1 may grow."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Message(Value):
    """The value of one message. Its type, topic and key are in `contracts.catalogue`."""

    TYPE: ClassVar[str]


OUTSIDE = ConfigDict(frozen=True, extra="forbid", strict=True)
"""How a message from outside is read: strict types, and unknown fields are refused."""


class Asked(Value):
    """Who asked for a command, as the door stamped it, and by what name they will know the answer.

    command_id: the idempotency_key of an intake, else the command's own; message_id: the CloudEvents id of the message
    that the door took in first. `agency` is None for what the network asks of itself. roles: what the token of the
    person who speaks says of them (`codes.PERSON_ROLES`); none for an agency's system.
    """

    agency: AgencyCode | None = None
    command_id: Ref | None = None
    message_id: Ref | None = None
    actor: Ref | None = None
    roles: tuple[Code, ...] = ()


class ServiceAsked(Value):
    """One service a person needs. `offer` is a code of the directory, or `any`."""

    service: Code
    offer: Ref = "any"
    priority: Code | None = None
    depends_on: Code | None = None


class SharingBasis(Value):
    """On what ground data go to one recipient for which purposes until when (GDPR 6 and 9; `sharing.json`)."""

    basis_id: Ref
    type: Code
    recipient: Code
    purposes: Annotated[list[Code], Field(max_length=10)]
    scope: Code
    given_by: Code | None = None
    language: Code | None = None
    form_version: Code | None = None
    valid_from: date
    valid_to: date | None = None
    refused: bool = False
    withdrawn_at: Time | None = None


def basis_id(intake_id: UUID, ref: str) -> UUID:
    """The network's own id of a sharing basis. ref: what its sender calls it (`SharingBasis.basis_id`)."""
    return uuid5(intake_id, f"basis:{ref}")


class PersonFacts(Value):
    """What a receiver needs to answer, without a name (tier 0)."""

    age_band: Code = "unknown"
    gender: Code = "not_stated"
    household: Code = "unknown"
    household_size: int | None = None
    language: Code | None = None
    other_languages: tuple[Code, ...] = ()
    interpreter_needed: bool | None = None
    accessibility: tuple[Code, ...] = ()
