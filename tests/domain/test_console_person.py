"""What a receiver is told of who a person is: a way to reach them never stands without whether it is safe."""

import pytest

from contracts import codes
from services.console.domain.person import Fact, facts

PHONE = {"channel": "phone", "value": "000"}


def contact(**known: object) -> Fact:
    return next(fact for fact in facts({"contact": PHONE | known}) if fact.key == "contact")


@pytest.mark.parametrize(("safe", "note"), [
    (True, ("calm", "call_safe")), (False, ("late", "call_unsafe")), (None, ("soon", "call_unknown")),
])  # fmt: skip
def test_beside_a_number_stands_whether_it_is_safe_to_call(safe, note):
    assert contact(safe=safe).value == "000"
    assert contact(safe=safe).notes[0] == note


@pytest.mark.parametrize(("may", "note"), [
    (True, ("calm", "message_yes")), (False, ("late", "message_no")), (None, ("soon", "message_unknown")),
])  # fmt: skip
def test_beside_a_number_stands_whether_a_message_may_be_left(may, note):
    assert contact(safe=True, may_leave_message=may).notes[1] == note


@pytest.mark.parametrize("channel", sorted(codes.codes("channels", "contact_channels").keys() - {"none"}))
@pytest.mark.parametrize("value", ["000", None])
def test_on_no_channel_is_it_left_out_that_it_is_not_safe(channel, value):
    [fact] = facts({"contact": {"channel": channel, "value": value, "safe": False}})

    assert fact.channel == channel and fact.notes[0][0] == "late"


def test_where_there_is_no_way_to_reach_the_person_nothing_is_said_of_its_safety():
    assert contact(channel="none", value=None) == Fact("contact", "", "none")


def test_of_a_minor_the_adult_is_told_with_their_contact():
    told = facts({"caregiver": {"name": {"given": "Zia", "family": "Prova"}, "contact": "+39 000", "informed": True}})

    assert told == [Fact("new.caregiver", "Zia Prova"), Fact("caregiver_contact", "+39 000")]


def test_what_intake_does_not_tell_is_left_out():
    assert facts({}) == []
    assert facts({"name": {"given": "Awa", "family": None}, "contact": None, "caregiver": None}) == [
        Fact("given", "Awa")
    ]


@pytest.mark.parametrize(("kept", "told"), [("1990-05-02", "02/05/1990"), ("1990", "1990")])
def test_when_they_were_born_is_told_as_it_is_written_here(kept, told):
    assert facts({"birth_date": {"value": kept}})[0] == Fact("birth_date", told)
