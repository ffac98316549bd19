"""Recording an intake: judged once, kept in two parts, said without who the person is."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from contracts.answers import CommandAccepted
from contracts.commands import AskOneMore, RecordIntake
from contracts.contacts import WhyNot
from contracts.erasure import PERSON_ERASED
from contracts.events import IntakeRecorded
from contracts.refusals import Refusal
from contracts.stated import Contact, SubmitIntake, Tier1, Tier2
from contracts.values import AgencyCode
from services.intake.domain import ages
from services.intake.domain.known import Directory, check_names
from services.intake.domain.pseudonym import pseudonym
from services.intake.domain.remarks import flags
from services.intake.domain.rules import check_rules, day_in
from services.intake.domain.vocabulary import check_codes


@dataclass(frozen=True, slots=True)
class Erasure:
    """That nothing is kept any more of who the person is. actor: who spoke for the agency that took the intake.

    asked_by: with which message.
    """

    at: datetime
    actor: str | None
    asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """What may be known of an intake without knowing the person, and how it was answered.

    content: a digest of what was submitted, by which the same intake sent again is known. taken_at: at the door.
    """

    recorded: IntakeRecorded
    content: str
    answer: CommandAccepted
    taken_at: datetime | None = None
    erased: Erasure | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """A contact that was noted after the meeting. number: from 2, for 1 is what was stated there."""

    number: int
    contact: Contact
    by: AgencyCode
    at: datetime


@dataclass(frozen=True, slots=True)
class Avoided:
    """That a contact is not to be used."""

    number: int
    why: WhyNot
    by: AgencyCode
    at: datetime


@dataclass(frozen=True, slots=True)
class Personal:
    """Who the person is: what only intake knows. agency and person_ref: what the sender calls them.

    later, avoided: what was noted of their contacts since (`contacts`).
    """

    intake_id: UUID
    pseudonym: str
    agency: str
    person_ref: str
    tier1: Tier1
    tier2: Tier2
    later: tuple[Later, ...] = ()
    avoided: tuple[Avoided, ...] = ()


def record(command: RecordIntake, directory: Directory, now: datetime, key: bytes) -> tuple[Intake, Personal]:
    """key: of the pseudonyms. Raises Refusal: codes first, then the rules."""
    submitted = command.submitted
    check_codes(submitted)
    check_names(submitted.tier0, directory)
    check_rules(submitted, directory, now)
    person = _personal(command, key)
    answer = CommandAccepted(
        asked=command.asked,
        subject=str(command.intake_id),
        version=1,
        flags=command.flags + flags(submitted, now),
        intake_id=command.intake_id,
    )
    first_queue = directory.agencies[submitted.tier0.sender_agency].queues[0].code
    recorded = _recorded(command, person.pseudonym, first_queue)
    return Intake(recorded=recorded, content=digest(submitted), answer=answer, taken_at=now), person


def again(known: Intake, command: RecordIntake) -> CommandAccepted:
    """The stored answer, if this is the same intake once more; to who asks now, which may be a person of that agency.

    Raises Refusal if the key stands for another one.
    """
    if digest(command.submitted) != known.content:
        raise Refusal("idempotency_conflict", "/idempotency_key")
    return known.answer.model_copy(update={"asked": command.asked})


def last_met(command: AskOneMore, met: Iterable[IntakeRecorded], erased: Collection[UUID] = ()) -> IntakeRecorded:
    """The person as the agency that asks met them last. erased: meetings of which that is kept no more.

    Raises Refusal if there is none.
    """
    theirs = [intake for intake in met if intake.sender_agency == command.asked.agency]
    left = [intake for intake in theirs if intake.intake_id not in erased]
    last = max(left, key=lambda intake: (intake.occurred_at, str(intake.intake_id)), default=None)
    if last is None:
        raise Refusal(PERSON_ERASED if theirs else "invalid_value", "/person_ref")
    return last


def as_old_as_now(met: IntakeRecorded, person: Personal | None, now: datetime) -> IntakeRecorded:
    """With the age band that they are of by now, as far as their birth is known: the birth date itself stays here."""
    born = person.tier1.birth_date if person else None
    return ages.as_of(met, born, day_in(met.city_of_intake, met.occurred_at), day_in(met.city_of_intake, now))


def digest(submitted: SubmitIntake) -> str:
    """Of what was stated: a field that is left out and one that says nothing else are the same, whoever says it."""
    stated = submitted.model_dump(mode="json", exclude={"actor"}, exclude_defaults=True)
    return sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def _personal(command: RecordIntake, key: bytes) -> Personal:
    submitted, tier0 = command.submitted, command.submitted.tier0
    return Personal(
        intake_id=command.intake_id,
        pseudonym=pseudonym(key, tier0.sender_agency, tier0.person_ref),
        agency=tier0.sender_agency,
        person_ref=tier0.person_ref,
        tier1=submitted.tier1,
        tier2=submitted.tier2,
    )


def _recorded(command: RecordIntake, person_ref: str, first_queue: str) -> IntakeRecorded:
    submitted, tier0 = command.submitted, command.submitted.tier0
    met_on = day_in(tier0.city_of_intake, submitted.occurred_at)
    assumed = {
        "person_ref": person_ref,
        "sender_queue": tier0.sender_queue or first_queue,
        "city_of_presence": tier0.city_of_presence or tier0.city_of_intake,
        "age_band_until": ages.band_until(tier0.age_band, submitted.tier1.birth_date, met_on),
    }
    envelope = {"intake_id": command.intake_id, "occurred_at": submitted.occurred_at}
    return IntakeRecorded.model_validate(tier0.model_dump() | assumed | envelope)
