"""A contact that was noted later, or is not to be used, stands beside what was stated: nothing is overwritten."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.contacts import NoteContact
from contracts.refusals import Refusal
from contracts.stated import Contact, Tier1, Tier2
from contracts.values import Asked
from services.intake.domain import contacts
from services.intake.domain.intake import Personal
from tests.builders import INTAKE_ID, NOW

STATED = Contact(channel="phone", value="+39 000 0000001", safe=True, may_leave_message=True)
OTHER = Contact(channel="phone", value="+39 000 0000002", safe=True)


def a_person(contact: Contact | None = STATED) -> Personal:
    return Personal(INTAKE_ID, "p_1", "pa.comune", "case 7", Tier1(contact=contact), Tier2())


def noted(person: Personal, by: str = "pa.accura", **said: Any) -> Personal:
    return contacts.note(person, NoteContact(intake_id=INTAKE_ID, asked=Asked(agency=by), **said), NOW)[0]


def refused(person: Personal, **said: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        noted(person, **said)
    return refusal.value.code, refusal.value.pointer


def test_a_contact_that_an_abuser_holds_is_marked_and_stays_as_it_was_stated() -> None:
    person = noted(a_person(), not_to_be_used=1, why="unsafe", contact=OTHER)

    stated, other = contacts.all_of(person, "pa.accura")

    assert (stated.why_not, stated.avoided_by, stated.avoided_at) == ("unsafe", "pa.accura", NOW)
    assert (stated.contact.value, stated.contact.safe, stated.contact.may_leave_message) == (STATED.value, False, False)
    assert (other.number, other.contact, other.by, other.at, other.why_not) == (2, OTHER, "pa.accura", NOW, None)
    assert person.tier1.contact == STATED


def test_who_looks_at_what_was_stated_alone_reads_that_it_is_not_safe() -> None:
    marked = contacts.now_safe(noted(a_person(), not_to_be_used=1, why="wrong"))

    assert marked.contact and (marked.contact.value, marked.contact.safe) == (STATED.value, False)
    assert contacts.now_safe(noted(a_person(), contact=OTHER)).contact == STATED
    assert contacts.now_safe(a_person(None)).contact is None


def test_the_event_says_who_noted_what_and_never_the_contact() -> None:
    command = NoteContact(intake_id=INTAKE_ID, asked=Asked(agency="pa.accura"), contact=OTHER, not_to_be_used=1,
                          why="unsafe")  # fmt: skip

    _, event = contacts.note(a_person(), command, NOW)

    assert (event.sender_agency, event.by, event.further, event.not_to_be_used) == ("pa.comune", "pa.accura", 2, 1)
    assert "+39" not in event.model_dump_json()


def test_who_else_has_to_do_with_the_person_is_told_to_nobody_but_who_had_the_meeting() -> None:
    person = noted(noted(a_person(), by="pa.comune", contact=OTHER), by="pa.penc", contact=OTHER)
    person = noted(person, by="pa.penc", not_to_be_used=2, why="wrong")

    assert [one.by for one in contacts.all_of(person, "pa.accura")] == ["pa.comune", "pa.comune", None]
    assert [one.by for one in contacts.all_of(person, "pa.penc")] == ["pa.comune", "pa.comune", "pa.penc"]
    assert contacts.all_of(person, "pa.accura")[1].avoided_by is None
    assert contacts.all_of(person, None)[1].avoided_by == "pa.penc"


def test_of_what_was_said_twice_of_a_contact_the_last_holds() -> None:
    person = noted(noted(a_person(), not_to_be_used=1, why="wrong"), by="pa.penc", not_to_be_used=1, why="unsafe")

    assert contacts.all_of(person, None)[0].why_not == "unsafe"
    assert len(person.avoided) == 2


def test_a_person_without_a_contact_is_given_one() -> None:
    [only] = contacts.all_of(noted(a_person(None), contact=OTHER), "pa.accura")

    assert (only.number, only.contact) == (2, OTHER)


@pytest.mark.parametrize(("said", "code", "pointer"), [
    ({}, "missing_field", "/contact"),
    ({"not_to_be_used": 1}, "missing_field", "/why"),
    ({"contact": OTHER, "why": "wrong"}, "missing_field", "/not_to_be_used"),
    ({"not_to_be_used": 2, "why": "wrong"}, "invalid_value", "/not_to_be_used"),
    ({"contact": Contact(channel="pigeon", value="x")}, "unknown_code", "/contact/channel"),
    ({"contact": Contact(channel="sms")}, "missing_field", "/contact/value"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_and_says_where(said: dict[str, Any], code: str, pointer: str) -> None:
    assert refused(a_person(), **said) == (code, pointer)


def test_what_was_said_already_is_refused_and_nobody_notes_for_ever() -> None:
    person = noted(a_person(), not_to_be_used=1, why="unsafe")
    assert refused(person, not_to_be_used=1, why="unsafe") == ("invalid_value", "/not_to_be_used")

    for _ in range(contacts.MOST - 1):
        person = noted(person, contact=OTHER)
    assert refused(person, contact=OTHER) == ("invalid_value", "/contact")


def test_a_place_where_somebody_is_met_needs_no_number() -> None:
    person = noted(a_person(), contact=Contact(channel="in_person", safe_hours="mattina, mensa"))

    assert contacts.all_of(person, None)[1].contact.channel == "in_person"
    assert person.later[0].at - NOW == timedelta()
