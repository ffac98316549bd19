"""What becomes of a referral after its answer: acceptances taken back, holds, reopening, errors, ended sharing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.beside import AppointmentCancelled, ReceiptConfirmed, ReceiptRequested, ReferralPriorityChanged
from contracts.commands import NotePlace, OpenReferral
from contracts.events import (
    ReferralEnteredInError,
    ReferralEvent,
    ReferralFlaggedInError,
    ReferralHeld,
    ReferralReopened,
    ReferralRevoked,
    ReferralUnaccepted,
)
from contracts.journeys import EndNeed, OpenTask
from contracts.refusals import Refusal
from contracts.values import Message
from services.referral.domain import life, seats
from services.referral.domain.appointments import Appointment
from services.referral.domain.referral import Referral, successor_id
from services.referral.domain.timers import Timer
from tests.builders import (
    ACCURA,
    NOW,
    REFERRAL_ID,
    TEXT_ID,
    a_command,
    a_need,
    a_referral,
    an_agency,
    an_offer,
    the_facts,
)
from tests.domain.test_life import kinds, only

SUPERVISOR: dict[str, Any] = {"by": "pa.accura", "roles": ("supervisor",)}
COORDINATOR: dict[str, Any] = {"by": "pa.lead", "roles": ("coordinator",)}
COUNTED = replace(ACCURA, counted=True)
REVOKED: dict[str, Any] = {"command": "revoke", "by": None, "facts": {"basis_ended": True}}


def decide(referral: Referral, command: str, now: datetime = NOW, **fields: Any) -> life.Outcome:
    known = {"speaker": an_agency("pa.lead")} | fields.pop("facts", {})
    return life.decide(referral, a_command(command, **fields), the_facts(now, **known))


def refused(referral: Referral, command: str, now: datetime = NOW, **fields: Any) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        decide(referral, command, now, **fields)
    return refusal.value.code, refusal.value.pointer


# -- a receiver that was never told ------------------------------------------------------------------------------------


def answered(referral: Referral, answer: str) -> life.Outcome:
    noted = NotePlace(referral_id=REFERRAL_ID, answer=answer, order_rule_version=1)
    return seats.note(referral, noted, the_facts(noted=noted))


def receiver_told(said: list[Message]) -> set[bool]:
    return {event.receiver_told for event in said if isinstance(event, ReferralEvent)}


@pytest.mark.parametrize(("before", "told"), [(None, False), ("held", True), ("waitlisted", True)])
@pytest.mark.parametrize("ends", [{"command": "withdraw", "by": "pa.comune"}, REVOKED], ids=["withdrawn", "revoked"])
def test_whom_nobody_told_of_a_referral_hears_nothing_of_its_end(
    ends: dict[str, Any], before: str | None, told: bool
) -> None:
    referral = a_referral(place=COUNTED, seat="asked")
    if before:
        referral, said = answered(referral, before)
        assert receiver_told(said) == {True}

    ended, said = decide(referral, **ends)

    assert receiver_told(said) == {told}
    assert ended.readers == ("pa.comune", "pa.accura" if told else None)


def test_whom_nobody_told_of_a_referral_does_not_hear_either_that_there_was_no_place() -> None:
    declined, said = answered(a_referral(place=COUNTED, seat="asked"), "refused")

    assert declined.state == "DECLINED" and receiver_told(said) == {False}


# -- an acceptance is taken back ---------------------------------------------------------------------------------------


def accepted(priority: str = "URGENT", after: timedelta = timedelta(hours=40), **known: Any) -> Referral:
    """One that was sent at NOW, with two days to decide if it is urgent."""
    due_at = NOW + timedelta(days=2)
    timers = (Timer("acknowledge", 1, NOW, due_at), Timer("decide", 1, NOW, due_at))
    sent = a_referral(need=a_need(priority=priority), timers=timers, **known)
    return decide(sent, "accept", NOW + after)[0]


def test_who_takes_an_acceptance_back_has_the_time_that_was_left_and_no_more() -> None:
    back, said = decide(accepted(), "unaccept", NOW + timedelta(hours=60))

    assert kinds(said) == ["CommandAccepted", "ReferralUnaccepted"]
    assert (back.state, back.owner) == ("ACKNOWLEDGED", "pa.accura.clinic")
    assert back.due_at == NOW + timedelta(hours=60 + 8)


def test_who_accepted_at_the_last_minute_has_four_hours() -> None:
    back, _ = decide(accepted(after=timedelta(hours=47)), "unaccept", NOW + timedelta(hours=50))

    assert back.due_at == NOW + timedelta(hours=54)


def test_on_the_clock_of_desks_what_was_left_is_counted_while_they_are_open() -> None:
    # sent on Tuesday at ten, two days to decide; accepted the same day: what is left is 7.5 + 9 + 1.5 business hours
    taken_back_at = datetime(2026, 10, 28, 7, 30, tzinfo=UTC)

    back, _ = decide(accepted("MEDIUM", timedelta(0)), "unaccept", taken_back_at)

    assert back.due_at == datetime(2026, 10, 29, 16, 30, tzinfo=UTC)


def test_an_acceptance_stands_after_a_day() -> None:
    referral = accepted()

    assert decide(referral, "unaccept", NOW + timedelta(hours=64))
    assert refused(referral, "unaccept", NOW + timedelta(hours=64, seconds=1)) == ("window_passed", None)


def test_the_place_of_an_acceptance_that_is_taken_back_is_held_again_until_the_time_to_decide_is_over() -> None:
    referral = replace(accepted(place=COUNTED, seat="held"), seat="confirmed")

    back, said = decide(referral, "unaccept", NOW + timedelta(hours=60))

    assert (back.seat, back.seat_until) == ("held", back.due_at)
    assert (only(ReferralUnaccepted, said).seat, only(ReferralUnaccepted, said).place_until) == ("held", back.due_at)


# -- on hold -----------------------------------------------------------------------------------------------------------


def test_a_review_is_due_before_the_desks_close_on_the_day_that_was_given() -> None:
    held, said = decide(a_referral("IN_SERVICE"), "hold", review_date=date(2026, 11, 10))

    assert held.due_at == datetime(2026, 11, 10, 16, 30, tzinfo=UTC)
    assert only(ReferralHeld, said).review_date == date(2026, 11, 10)


@pytest.mark.parametrize(("reason", "day", "text_id"), [
    ("temporarily_away", date(2026, 10, 27), None),
    ("temporarily_away", date(2026, 11, 27), None),
    ("service_interrupted", date(2026, 11, 11), None),
    ("other", date(2026, 11, 11), TEXT_ID),
])  # fmt: skip
def test_a_review_is_still_to_come_and_no_later_than_its_reason_allows(
    reason: str, day: date, text_id: UUID | None
) -> None:
    for state, command in (("IN_SERVICE", "hold"), ("ON_HOLD", "renew_hold")):
        fields: dict[str, Any] = {"hold_reason": reason, "review_date": day, "text_id": text_id}
        assert refused(a_referral(state), command, **fields) == ("invalid_review_date", "/review_date")
        assert decide(a_referral(state), command, **fields | {"review_date": date(2026, 11, 10)})


@pytest.mark.parametrize(("fields", "code", "pointer"), [
    ({"hold_reason": None}, "missing_field", "/hold_reason"),
    ({"review_date": None}, "missing_field", "/review_date"),
    ({"hold_reason": "no_capacity"}, "unknown_reason", "/hold_reason"),
    ({"hold_reason": "other"}, "missing_text", "/text"),
])  # fmt: skip
def test_a_hold_says_why_and_until_when(fields: dict[str, Any], code: str, pointer: str) -> None:
    assert refused(a_referral("IN_SERVICE"), "hold", **fields) == (code, pointer)


# -- reopened ----------------------------------------------------------------------------------------------------------


def closed(**known: Any) -> Referral:
    return decide(a_referral("IN_SERVICE", **known), "close", closure_outcome="served_completed")[0]


def test_a_supervisor_reopens_within_thirty_days_and_the_journey_learns_it() -> None:
    again, said = decide(closed(), "reopen", NOW + timedelta(days=30), **SUPERVISOR)

    assert kinds(said) == ["CommandAccepted", "ReferralReopened", "EndNeed"]
    assert (again.state, [timer.code for timer in again.timers]) == ("IN_SERVICE", ["update_due"])
    assert only(ReferralReopened, said).compensates == ("referral.closed",)
    assert only(EndNeed, said).outcome == "reopened"


@pytest.mark.parametrize(("now", "facts", "fields", "code"), [
    (NOW + timedelta(days=31), {}, {}, "window_passed"),
    (NOW, {"linked_id": UUID(int=7)}, {}, "already_open"),
    (NOW, {}, {"text_id": None}, "missing_text"),
    (NOW, {}, {"roles": ()}, "not_authorised"),
    (NOW, {}, {"roles": ("coordinator",)}, "not_authorised"),
])  # fmt: skip
def test_what_cannot_be_reopened_is_refused_by_name(
    now: datetime, facts: dict[str, Any], fields: dict[str, Any], code: str
) -> None:
    assert refused(closed(), "reopen", now, facts=facts, **SUPERVISOR | fields)[0] == code


def test_a_place_is_taken_again_where_the_offer_is_still_open() -> None:
    over = closed(place=COUNTED, seat="confirmed", need=a_need("housing.temporary"))

    again, said = decide(over, "reopen", facts={"offer": an_offer()}, **SUPERVISOR)

    assert (over.seat, again.seat, only(ReferralReopened, said).seat) == ("given_back", "confirmed", "confirmed")
    assert refused(over, "reopen", facts={"offer": an_offer(status="closed")}, **SUPERVISOR) == ("no_seat", None)


# -- in error ----------------------------------------------------------------------------------------------------------


def test_what_should_never_have_been_counts_no_more_and_its_sender_has_decided() -> None:
    sent = replace(a_referral(), history=decide(a_referral(), "acknowledge")[0].history)

    wrong, said = decide(sent, "mark_error", by="pa.comune")

    assert kinds(said) == ["CommandAccepted", "ReferralEnteredInError", "ReceiptRequested", "EndNeed"]
    assert only(ReferralEnteredInError, said).compensates == ("referral.acknowledged",)
    assert (wrong.in_error, wrong.due_at) == (True, None)


def test_after_an_acceptance_only_a_coordinator_says_so_and_the_sender_decides_what_is_next() -> None:
    _, said = decide(a_referral("IN_SERVICE"), "mark_error_after_accept", **COORDINATOR)

    assert (only(OpenTask, said).kind, only(OpenTask, said).agency) == ("sender_decides", "pa.comune")
    assert refused(a_referral("IN_SERVICE"), "mark_error_after_accept", by="pa.comune")[0] == "not_authorised"


def test_a_finished_referral_that_was_wrong_stays_as_it_is_and_is_compensated_once() -> None:
    flagged, said = decide(closed(), "flag_in_error", **COORDINATOR)
    _, again = decide(flagged, "flag_in_error", **COORDINATOR)

    assert (flagged.state, flagged.in_error) == ("CLOSED", True)
    assert kinds(said) == ["CommandAccepted", "ReferralFlaggedInError", "EndNeed"]
    assert only(ReferralFlaggedInError, said).compensates == ("referral.closed",)
    assert only(ReferralFlaggedInError, again).compensates == ()


# -- an agency that does not work --------------------------------------------------------------------------------------

SUSPENDED = {"receiver": an_agency(status="suspended")}


def test_what_waits_at_a_suspended_agency_is_asked_elsewhere() -> None:
    referral, said = decide(a_referral(), "decline_suspended", facts=SUSPENDED, **COORDINATOR)

    assert referral.state == "DECLINED"
    assert referral.history[-1].reason == "agency_suspended"
    assert only(OpenReferral, said).referral_id == successor_id(REFERRAL_ID)


def test_what_a_suspended_agency_had_begun_goes_back_to_the_sender() -> None:
    _, said = decide(a_referral("IN_SERVICE"), "close_suspended", facts=SUSPENDED, **COORDINATOR)

    assert (only(EndNeed, said).outcome, only(EndNeed, said).reason) == ("ended", "referred_onward")
    assert only(OpenTask, said).kind == "sender_decides"


@pytest.mark.parametrize(("state", "command"), [("REQUESTED", "decline_suspended"), ("ACCEPTED", "close_suspended")])
def test_an_agency_that_works_decides_itself(state: str, command: str) -> None:
    facts = {"receiver": an_agency(status="active")}

    assert refused(a_referral(state), command, facts=facts, **COORDINATOR)[0] == "receiver_active"


def test_what_the_table_fixes_cannot_be_said_otherwise() -> None:
    fields = {"decline_reason": "no_capacity"} | COORDINATOR

    assert refused(a_referral(), "decline_suspended", facts=SUSPENDED, **fields) == (
        "unknown_reason", "/decline_reason",
    )  # fmt: skip


# -- nobody answered ---------------------------------------------------------------------------------------------------


def late(level: int, **known: Any) -> Referral:
    referral = a_referral(**known)
    return replace(referral, timers=tuple(replace(timer, level=level) for timer in referral.timers))


def test_after_the_last_step_of_the_ladder_the_next_candidate_is_asked() -> None:
    expired, said = decide(late(3), "expire", by=None)

    assert kinds(said) == ["CommandAccepted", "ReferralExpired", "OpenReferral"]
    assert expired.successor_id == only(OpenReferral, said).referral_id
    assert only(OpenReferral, said).tried == ("pa.accura",)


def test_no_referral_expires_before_and_an_emergency_never() -> None:
    assert refused(late(2), "expire", by=None)[0] == "escalation_not_complete"
    assert refused(late(3), "expire", by=None, timer="first_contact")[0] == "escalation_not_complete"
    assert refused(late(3, need=a_need(priority="EMERGENCY")), "expire", by=None)[0] == "emergency_not_allowed"


# -- sharing that ended ------------------------------------------------------------------------------------------------

ENDED = {"basis_ended": True}


def test_a_referral_whose_sharing_basis_ended_is_over_and_its_receiver_has_to_delete() -> None:
    revoked, said = decide(a_referral("ACCEPTED"), "revoke", by=None, facts=ENDED)

    assert kinds(said) == ["CommandAccepted", "ReferralRevoked", "ReceiptRequested", "EndNeed"]
    assert only(ReferralRevoked, said).revoke_cause == "consent_withdrawn"
    receipt = only(ReceiptRequested, said)
    assert (receipt.obligation, receipt.receipt_due_at) == ("deletion_receipt", datetime(2026, 11, 3, 9, 0, tzinfo=UTC))
    assert revoked.due_at is None


def test_a_cause_that_leaves_something_to_decide_is_a_task() -> None:
    _, said = decide(a_referral(), "revoke", by=None, facts=ENDED, revoke_cause="basis_expired")

    assert only(OpenTask, said).kind == "sender_decides"


def test_under_a_basis_that_holds_nothing_is_revoked_but_by_hand_when_it_never_was_one() -> None:
    assert refused(a_referral(), "revoke", by=None) == ("basis_still_valid", "/basis_id")
    assert refused(a_referral(), "revoke", **COORDINATOR) == ("basis_still_valid", "/basis_id")
    by_hand = COORDINATOR | {"revoke_cause": "basis_invalid", "text_id": TEXT_ID}
    assert decide(a_referral(), "revoke", **by_hand)[0].state == "REVOKED"


# -- what is owed, and what nobody will keep ---------------------------------------------------------------------------


def test_a_receiver_says_once_that_it_saw_a_withdrawal() -> None:
    withdrawn, said = decide(a_referral(), "withdraw", by="pa.comune")
    seen, answered = decide(withdrawn, "confirm_receipt", obligation="withdraw_seen_receipt")

    assert only(ReceiptRequested, said).obligation == "withdraw_seen_receipt"
    assert only(ReceiptConfirmed, answered).obligation == "withdraw_seen_receipt"
    assert (seen.state, seen.receipts[0].confirmed_at) == ("WITHDRAWN", NOW)
    assert refused(seen, "confirm_receipt", obligation="withdraw_seen_receipt") == ("no_receipt_owed", "/obligation")
    assert refused(withdrawn, "confirm_receipt", obligation="deletion_receipt") == ("no_receipt_owed", "/obligation")
    assert refused(withdrawn, "confirm_receipt", obligation="a_cake") == ("unknown_code", "/obligation")


@pytest.mark.parametrize(("state", "by", "known"), [
    ("DRAFT", "pa.comune", {}),
    ("ACCEPTED", "pa.accura", {}),
    ("ACCEPTED", "pa.accura", {"need": a_need(sender_agency="pa.accura")}),
])  # fmt: skip
def test_nobody_owes_a_receipt_for_a_draft_or_for_what_they_withdrew_themselves(
    state: str, by: str, known: dict[str, Any]
) -> None:
    withdrawn, said = decide(a_referral(state, **known), "withdraw", by=by)

    assert withdrawn.receipts == ()
    assert "ReceiptRequested" not in kinds(said)


@pytest.mark.parametrize(("state", "command"), [("IN_SERVICE", "close"), ("ACCEPTED", "unaccept")])
def test_appointments_that_nobody_will_keep_are_cancelled(state: str, command: str) -> None:
    fixed = (Appointment(1, NOW, "attended"), Appointment(2, NOW + timedelta(days=3)))

    after, said = decide(a_referral(state, appointments=fixed, accepted_at=NOW), command)

    assert only(AppointmentCancelled, said).appointment == 2
    assert [one.state for one in after.appointments] == ["attended", "cancelled"]
    assert after.history[-1].events[-1] == "appointment.cancelled"


# -- priorities --------------------------------------------------------------------------------------------------------


def test_another_priority_moves_what_is_due_from_where_it_began() -> None:
    timers = (Timer("acknowledge", 1, NOW, NOW + timedelta(days=4)), Timer("decide", 1, NOW, NOW + timedelta(days=9)))
    later = NOW + timedelta(hours=3)

    raised, said = decide(a_referral(timers=timers), "change_priority", later, by="pa.comune", priority="URGENT")

    assert {timer.code: timer.due_at - NOW for timer in raised.timers} == {
        "acknowledge": timedelta(hours=24), "decide": timedelta(hours=48),
    }  # fmt: skip
    told = only(ReferralPriorityChanged, said)
    assert (told.priority_before, told.priority) == ("MEDIUM", "URGENT")


def test_an_emergency_is_lowered_by_a_coordinator_alone() -> None:
    emergency = a_referral(need=a_need(priority="EMERGENCY"))

    assert refused(emergency, "change_priority", by="pa.comune") == ("not_authorised", "/priority")
    assert decide(emergency, "change_priority", **COORDINATOR)[0].need.priority == "URGENT"


def test_nobody_who_waits_becomes_an_emergency_that_calls_nobody() -> None:
    waiting = a_referral("WAITLISTED")

    for who in ({"by": "pa.comune"}, COORDINATOR):
        code = refused(waiting, "change_priority", priority="EMERGENCY", **who)
        assert code == ("emergency_not_allowed", "/priority")
    assert decide(waiting, "change_priority", by="pa.comune", priority="URGENT")[0].need.priority == "URGENT"


@pytest.mark.parametrize(("fields", "code", "pointer"), [
    ({"priority": "MEDIUM"}, "invalid_value", "/priority"),
    ({"priority": "SOON"}, "unknown_code", "/priority"),
    ({"text_id": None}, "missing_text", "/reason_text"),
])  # fmt: skip
def test_a_priority_changes_to_another_one_that_is_known_with_a_reason(
    fields: dict[str, Any], code: str, pointer: str
) -> None:
    assert refused(a_referral(), "change_priority", by="pa.comune", **fields) == (code, pointer)


# -- whose city --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("speaker", "code"), [
    (an_agency("pa.lead", city="roma"), "unknown_referral"),
    (an_agency("pa.lead", status="suspended"), "unknown_referral"),
    (None, "unknown_referral"),
])  # fmt: skip
def test_a_coordinator_of_another_city_is_a_stranger(speaker: Any, code: str) -> None:
    assert refused(a_referral(), "add_note", facts={"speaker": speaker}, **COORDINATOR)[0] == code


def test_a_coordinator_of_the_receivers_city_is_one_too() -> None:
    away = a_referral(need=a_need(sender_city="roma"))

    assert decide(away, "withdraw", **COORDINATOR)[0].state == "WITHDRAWN"
