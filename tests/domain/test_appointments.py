"""Appointments and attempts: what is recorded of a person who comes, does not come, or cannot be reached."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.beside import (
    AppointmentAttended,
    AppointmentCancelled,
    AppointmentNoShow,
    AppointmentScheduled,
    ReferralContactAttempted,
)
from contracts.refusals import Refusal
from services.referral.domain import life
from services.referral.domain.appointments import MAX_SCHEDULED, Appointment
from services.referral.domain.conditions import Attempt
from services.referral.domain.referral import Referral
from tests.builders import NOW, a_command, a_referral, the_facts
from tests.domain.test_life import only

DAY = timedelta(days=1)


def decide(referral: Referral, command: str, now: datetime = NOW, **fields: Any) -> life.Outcome:
    return life.decide(referral, a_command(command, **fields), the_facts(now))


def refused(referral: Referral, command: str, **fields: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        decide(referral, command, **fields)
    return refusal.value.code, refusal.value.pointer


def with_appointments(*states: str, starts_at: datetime = NOW) -> Referral:
    fixed = tuple(Appointment(n, starts_at + n * timedelta(minutes=1), s) for n, s in enumerate(states, 1))
    return a_referral("ACCEPTED", appointments=fixed)


def test_an_appointment_is_numbered_and_changes_neither_state_nor_timers() -> None:
    before = with_appointments("attended")

    after, said = decide(before, "schedule_appointment", starts_at=NOW + DAY)

    told = only(AppointmentScheduled, said)
    assert (told.appointment, told.starts_at, told.second_slot) == (2, NOW + DAY, False)
    assert (after.state, after.timers, after.version) == (before.state, before.timers, before.version + 1)


def test_who_accepts_may_say_at_once_when_the_person_is_expected() -> None:
    after, said = decide(a_referral("ACKNOWLEDGED"), "accept", starts_at=NOW + DAY)

    told = only(AppointmentScheduled, said)
    assert (told.appointment, told.starts_at, told.second_slot) == (1, NOW + DAY, False)
    assert (told.version, told.state) == (after.version, "ACCEPTED")
    assert after.history[-1].events == ("referral.accepted", "appointment.scheduled")
    assert decide(after, "record_no_show", NOW + 2 * DAY)[0].appointments[0].state == "no_show"


def test_who_accepts_without_a_time_fixes_none() -> None:
    after, said = decide(a_referral("ACKNOWLEDGED"), "accept")

    assert not after.appointments
    assert not [event for event in said if isinstance(event, AppointmentScheduled)]


def test_the_first_that_is_scheduled_is_meant_when_none_is_named() -> None:
    after, said = decide(with_appointments("cancelled", "scheduled", "scheduled"), "record_attendance")

    assert (only(AppointmentAttended, said).appointment, only(AppointmentAttended, said).count) == (2, 1)
    assert [one.state for one in after.appointments] == ["cancelled", "attended", "scheduled"]


def test_the_one_that_is_named_is_meant() -> None:
    _, said = decide(with_appointments("scheduled", "scheduled"), "cancel_appointment", appointment=2)

    assert only(AppointmentCancelled, said).appointment == 2


@pytest.mark.parametrize("command", ["record_attendance", "record_no_show", "cancel_appointment"])
@pytest.mark.parametrize(("referral", "number"), [
    (a_referral("ACCEPTED"), None), (with_appointments("attended"), None), (with_appointments("scheduled"), 2),
])  # fmt: skip
def test_without_such_an_appointment_nothing_is_recorded(command: str, referral: Referral, number: int | None) -> None:
    assert refused(referral, command, appointment=number) == ("no_appointment", "/appointment")


@pytest.mark.parametrize("command", ["record_attendance", "record_no_show"])
def test_nobody_came_or_missed_what_is_still_to_come(command: str) -> None:
    ahead = with_appointments("scheduled", starts_at=NOW + 2 * DAY)

    assert refused(ahead, command) == ("no_appointment", "/appointment")
    assert decide(ahead, "cancel_appointment")


def test_a_no_show_is_counted_and_a_count_that_is_stated_has_to_agree() -> None:
    referral = with_appointments("no_show", "scheduled")

    assert only(AppointmentNoShow, decide(referral, "record_no_show", count=2)[1]).count == 2
    assert refused(referral, "record_no_show", count=1) == ("invalid_value", "/count")


def test_what_is_fixed_after_a_no_show_is_a_second_slot() -> None:
    _, said = decide(with_appointments("no_show"), "schedule_appointment", second_slot=True)

    assert only(AppointmentScheduled, said).second_slot
    assert refused(with_appointments("attended"), "schedule_appointment", second_slot=True) == (
        "invalid_value", "/second_slot",
    )  # fmt: skip


def test_only_so_many_are_scheduled_at_once() -> None:
    full = with_appointments(*["scheduled"] * MAX_SCHEDULED)

    assert refused(full, "schedule_appointment") == ("too_many_appointments", "/starts_at")
    assert decide(decide(full, "record_attendance")[0], "schedule_appointment")


def after_days(referral: Referral, *commands: str) -> Referral:
    """Each a day after the one before; what is fixed begins at once."""
    for n, command in enumerate(commands):
        now = NOW + n * DAY
        fields = {"starts_at": now} if command == "schedule_appointment" else {}
        referral, _ = decide(referral, command, now, **fields)
    return referral


FIX, MISS, COME = "schedule_appointment", "record_no_show", "record_attendance"


@pytest.mark.parametrize(("commands", "may_close"), [
    ((FIX, MISS, FIX, MISS), True), ((FIX, MISS, FIX, COME, FIX, MISS), True),
    ((FIX, MISS), False), ((FIX, MISS, FIX), False), ((FIX, FIX, MISS, MISS), False), ((FIX, COME, FIX, COME), False),
])  # fmt: skip
def test_a_person_who_never_came_was_offered_another_time_after_missing_the_first(
    commands: tuple[str, ...], may_close: bool
) -> None:
    referral = after_days(a_referral("ACCEPTED"), *commands)

    if may_close:
        assert decide(referral, "close", closure_outcome="no_show_final")[0].state == "CLOSED"
    else:
        assert refused(referral, "close", closure_outcome="no_show_final") == (
            "reason_conditions_not_met", "/closure_outcome",
        )  # fmt: skip


def test_who_came_has_been_met() -> None:
    fields = {"first_contact_at": NOW + 2 * DAY}

    assert refused(with_appointments("no_show"), "start", **fields)[0] == "no_contact_recorded"
    assert decide(with_appointments("attended"), "start", **fields)[0].state == "IN_SERVICE"


# -- attempts ----------------------------------------------------------------------------------------------------------


def test_an_attempt_is_counted() -> None:
    once, _ = decide(a_referral("ACKNOWLEDGED"), "record_contact_attempt", channel="sms")
    twice, said = decide(once, "record_contact_attempt", channel="phone", result="reached")

    assert [(a.channel, a.result) for a in twice.attempts] == [("sms", "no_answer"), ("phone", "reached")]
    assert only(ReferralContactAttempted, said).attempts == 2


def attempts(*known: tuple[int, str, str]) -> tuple[Attempt, ...]:
    """days ago, channel, result"""
    return tuple(Attempt(NOW - days * DAY, channel, result) for days, channel, result in known)


PHONE, SMS, REACHED = (1, "phone", "no_answer"), (2, "sms", "message_left"), (1, "phone", "reached")


@pytest.mark.parametrize(("known", "unreachable"), [
    ((PHONE, PHONE, SMS), True),
    ((PHONE, PHONE, (10, "sms", "no_answer")), True),
    ((PHONE, PHONE), False),
    ((PHONE, PHONE, PHONE), False),
    ((PHONE, SMS, REACHED), False),
    ((PHONE, PHONE, (11, "sms", "no_answer")), False),
])  # fmt: skip
def test_who_was_tried_three_times_in_two_ways_within_ten_days_cannot_be_reached(
    known: tuple[tuple[int, str, str], ...], unreachable: bool
) -> None:
    for state, command, field in (
        ("ACKNOWLEDGED", "decline", "decline_reason"),
        ("ACCEPTED", "close", "closure_outcome"),
    ):
        referral = a_referral(state, attempts=attempts(*known))
        reason: dict[str, Any] = {field: "person_unreachable"}
        if unreachable:
            assert decide(referral, command, **reason)
        else:
            assert refused(referral, command, **reason) == (
                "reason_conditions_not_met", f"/{field}",
            )  # fmt: skip


@pytest.mark.parametrize(("fields", "code", "pointer"), [
    ({"channel": None}, "missing_field", "/channel"), ({"channel": "pigeon"}, "unknown_code", "/channel"),
    ({"result": "maybe"}, "unknown_code", "/result"),
])  # fmt: skip
def test_an_attempt_says_how_and_with_what_result(fields: dict[str, Any], code: str, pointer: str) -> None:
    assert refused(a_referral("ACCEPTED"), "record_contact_attempt", **fields) == (code, pointer)


def test_an_update_says_what_is_known_of_the_service() -> None:
    assert refused(a_referral("IN_SERVICE"), "record_update", update_code="she is well") == (
        "unknown_code", "/update_code",
    )  # fmt: skip


def test_who_accepts_for_an_appointment_that_is_not_there_is_told_so() -> None:
    asked = a_referral("ACKNOWLEDGED")

    assert refused(asked, "accept", appointment=1) == ("invalid_value", "/appointment")
    assert decide(asked, "accept")[0].state == "ACCEPTED"
