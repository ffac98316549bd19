"""How a person is reached: what was stated at the meeting, what was noted later, and which of it is not to be used."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from contracts.contacts import ContactNoted, NoteContact, TellOfContact, WhyNot
from contracts.refusals import Refusal
from contracts.stated import Contact, Tier1
from services.intake.domain.intake import Avoided, Later, Personal
from services.intake.domain.vocabulary import check_contact

STATED = 1
"""The number of the contact that was stated at the meeting."""
WITH_A_VALUE = ("phone", "sms", "email")
MOST = 50
"""Of what may be noted of one meeting: whoever reads of the person reads all of it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A contact as who may ask for the person reads it. by, avoided_by: None where that is not for this reader."""

    number: int
    contact: Contact
    by: str | None
    at: datetime | None
    why_not: WhyNot | None = None
    avoided_by: str | None = None
    avoided_at: datetime | None = None


def note(person: Personal, command: NoteContact, now: datetime) -> tuple[Personal, ContactNoted]:
    """Beside what is known, never in its place. Raises Refusal."""
    _check(person, command)
    by, after, further = command.asked.agency or "", person, None
    if command.contact:
        further = STATED + 1 + len(person.later)
        after = replace(after, later=(*after.later, Later(further, command.contact, by, now)))
    if command.not_to_be_used and command.why:
        after = replace(after, avoided=(*after.avoided, Avoided(command.not_to_be_used, command.why, by, now)))
    told = {"further": further, "not_to_be_used": command.not_to_be_used, "why": command.why}
    return after, ContactNoted(intake_id=person.intake_id, at=now, sender_agency=person.agency, by=by, **told)


def told_to(referral_id: UUID, noted: ContactNoted) -> TellOfContact:
    """Who has the person by this referral looks again before they call."""
    told = noted.model_dump(include={"further", "not_to_be_used", "why"})
    return TellOfContact(referral_id=referral_id, **told)


def _check(person: Personal, command: NoteContact) -> None:
    if command.contact is None and command.not_to_be_used is None:
        raise Refusal("missing_field", "/contact")
    if (command.not_to_be_used is None) != (command.why is None):
        raise Refusal("missing_field", "/why" if command.why is None else "/not_to_be_used")
    if len(person.later) + len(person.avoided) >= MOST:
        raise Refusal("invalid_value", "/contact" if command.contact else "/not_to_be_used")
    if contact := command.contact:
        check_contact(contact)
        if contact.channel in WITH_A_VALUE and not contact.value:
            raise Refusal("missing_field", "/contact/value")
    if command.not_to_be_used is not None:
        _check_avoided(person, command.not_to_be_used, command.why)


def _check_avoided(person: Personal, number: int, why: WhyNot | None) -> None:
    """It is known, and this was not said of it before."""
    known = {one.number: one.why_not for one in all_of(person, None)}
    if number not in known or known[number] == why:
        raise Refusal("invalid_value", "/not_to_be_used")


# -- what is told ------------------------------------------------------------------------------------------------------


def all_of(person: Personal, reader: str | None) -> tuple[Known, ...]:
    """In the order in which they were noted. reader: an agency, which is told who noted what of itself and of the one
    that had the meeting: who else has to do with the person is not for it. None: all of it.
    """
    last = {mark.number: mark for mark in person.avoided}
    return tuple(_avoided(one, last.get(one.number), person, reader) for one in _contacts(person, reader))


def _contacts(person: Personal, reader: str | None) -> Iterator[Known]:
    if stated := person.tier1.contact:
        yield Known(STATED, stated, person.agency, None)
    for later in person.later:
        yield Known(later.number, later.contact, _who(later.by, person, reader), later.at)


def _avoided(one: Known, mark: Avoided | None, person: Personal, reader: str | None) -> Known:
    if mark is None:
        return one
    known = replace(one, contact=_unsafe(one.contact), why_not=mark.why)
    return replace(known, avoided_by=_who(mark.by, person, reader), avoided_at=mark.at)


def _who(agency: str, person: Personal, reader: str | None) -> str | None:
    return agency if reader in (None, agency) or agency == person.agency else None


def _unsafe(contact: Contact) -> Contact:
    """As whoever looks at that alone must read it."""
    return contact.model_copy(update={"safe": False, "may_leave_message": False})


def now_safe(person: Personal) -> Tier1:
    """What was stated, with a contact that is not to be used marked in it: some readers know no other contacts."""
    stated = person.tier1
    if stated.contact and any(mark.number == STATED for mark in person.avoided):
        return stated.model_copy(update={"contact": _unsafe(stated.contact)})
    return stated
