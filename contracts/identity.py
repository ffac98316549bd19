"""Whether two names of the network stand for one person: what is suspected, what people decided, what they undid.

Opaque ids and codes only: no message here says what two meetings have in common, only of which kind it is.
"""

from collections.abc import Iterable
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field

from contracts.values import OUTSIDE, AgencyCode, Asked, Code, Message, Narrative, Ref, Time, Version


def pair_id(person_refs: Iterable[str]) -> UUID:
    """Of two names of the network, in whatever order."""
    return uuid5(NAMESPACE_URL, "staffetta:pairs/" + "|".join(sorted(person_refs)))


class SeekTwins(Message):
    """An intake was recorded: whom of other meetings may it concern, of this person or of one who may be the same?"""

    TYPE = "staffetta.intake.seek_twins.v1"

    intake_id: UUID


class SuspectPair(Message):
    """Two people look alike. intake_id: the meeting whose desk is asked; person_refs: that person's first."""

    TYPE = "staffetta.intake.suspect_pair.v1"

    pair_id: UUID
    intake_id: UUID
    person_refs: tuple[Ref, Ref]
    sender_agency: AgencyCode
    sender_queue: Ref
    city: Code
    service: Code
    reasons: tuple[Code, ...]


class DecidePair(Message):
    """The door passes on what a worker decided. text: why, kept by intake alone."""

    TYPE = "staffetta.intake.decide_pair.v1"

    pair_id: UUID
    asked: Asked
    decision: Code
    text: Narrative | None = None


class UndoPair(Message):
    """The door passes on that two who were linked are not one person after all."""

    TYPE = "staffetta.intake.undo_pair.v1"

    pair_id: UUID
    asked: Asked
    text: Narrative | None = None


class DuplicateEvent(Message):
    """What every event of a suspicion says: which meeting's desk is asked, and of whom. person_refs: its person first.

    service: the first that the meeting asked for. turn: how often it was decided, or asked of another desk.
    """

    intake_id: UUID
    pair_id: UUID
    at: Time
    sender_agency: AgencyCode
    sender_queue: Ref
    city: Code
    service: Code
    person_refs: tuple[Ref, Ref]
    turn: Version


class DuplicateSuspected(DuplicateEvent):
    """reasons: codes of `matching.json`; never a value."""

    TYPE = "staffetta.intake.duplicate_suspected.v1"

    reasons: tuple[Code, ...]


class DuplicateDecided(DuplicateEvent):
    """decision: a code of `matching.json`, undone included. by: the agency that decided."""

    TYPE = "staffetta.intake.duplicate_decided.v1"

    decision: Code
    by: Code


class IdentityEvent(Message):
    """What every event of an identity says. version: of the pair, which begins when it is first linked."""

    pair_id: UUID
    version: Version
    at: Time
    intake_id: UUID
    sender_agency: AgencyCode
    person_refs: tuple[Ref, Ref]


class IdentityLinked(IdentityEvent):
    """The two are one person: nothing is merged, and no referral changes."""

    TYPE = "staffetta.identity.linked.v1"


class IdentityUnlinked(IdentityEvent):
    """They are two again, and are not suggested again."""

    TYPE = "staffetta.identity.unlinked.v1"


# -- what is said at the door -----------------------------------------------------------------------------------------


TwoPeople = Annotated[list[Ref], Field(min_length=2, max_length=2)]


class DecideStatedPair(Message):
    """What a worker decided of two people who were suspected to be one (`intake.duplicate_suspected`).

    decision: a code of `matching.json`: same, different or later. text: why, in their own words.
    """

    model_config = OUTSIDE
    TYPE = "staffetta.identity.decide.v1"

    command_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    person_refs: TwoPeople
    decision: Code
    text: Narrative | None = None


class UndoStatedPair(Message):
    """Two people who were decided to be one are not: said by who decided it, or who coordinates the city."""

    model_config = OUTSIDE
    TYPE = "staffetta.identity.undo.v1"

    command_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    person_refs: TwoPeople
    text: Narrative | None = None
