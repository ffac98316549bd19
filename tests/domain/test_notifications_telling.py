"""Who is told of what: the receiver that it is asked, the sender every answer, nobody what they did themselves."""

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from contracts import answers, beside, codes, events
from contracts.contacts import ReferralContactNoted
from contracts.erasure import ReferralPersonErased
from contracts.events import ReferralEvent
from contracts.notifications import public_code
from contracts.values import Asked, Message
from services.notifications.domain.telling import BY_LADDER, TOLD, UNTOLD, drop, tell
from tests.builders import REFERRAL_ID
from tests.notices import CLINIC, DESK, OF_REFERRALS, a_task, an_event

EVENT_ID = UUID(int=7)


def told(event: Message) -> dict[str, str]:
    """What each queue is told of an event."""
    notices = tell(event, EVENT_ID, "palermo")
    assert len({command.queue for command in notices}) == len(notices)
    return {command.queue: command.notice.about for command in notices}


@pytest.mark.parametrize("model", OF_REFERRALS, ids=lambda model: model.TYPE)
def test_every_event_of_a_referral_is_told_or_left_out_on_purpose(model: type[ReferralEvent]) -> None:
    assert [model in {row.event for row in TOLD}, model in UNTOLD, model in BY_LADDER].count(True) == 1


def test_no_side_has_two_rows_for_one_event() -> None:
    assert set(Counter((row.event, row.side) for row in TOLD).values()) == {1}


@pytest.mark.parametrize(
    ("model", "known", "expected"),
    [
        (events.ReferralSent, {}, {CLINIC: "new"}),
        (events.ReferralSent, {"seat": "asked"}, {}),
        (events.ReferralSeatHeld, {"seat": "held"}, {CLINIC: "new"}),
        (events.ReferralSeatOffered, {"by": "system"}, {CLINIC: "seat_offered", DESK: "seat_offered"}),
        (events.ReferralAcknowledged, {}, {}),
        (events.ReferralAccepted, {}, {DESK: "accepted"}),
        (events.ReferralDeclined, {"by": "system"}, {DESK: "declined"}),
        (events.ReferralRerouted, {}, {DESK: "rerouted"}),
        (events.ReferralWaitlisted, {"by": "system"}, {DESK: "waitlisted"}),
        (events.ReferralSeatLapsed, {"by": "system"}, {DESK: "seat_lapsed"}),
        (events.ReferralStarted, {}, {DESK: "started"}),
        (events.ReferralClosed, {}, {DESK: "closed"}),
        (events.ReferralExpired, {"by": "system"}, {DESK: "expired", "pa.accura": "expired"}),
        (events.ReferralWithdrawn, {"by": "receiver"}, {DESK: "withdrawn"}),
        (events.ReferralWithdrawn, {"by": "sender"}, {CLINIC: "withdrawn"}),
        (events.ReferralWithdrawn, {"by": "sender", "receiver_told": False}, {}),
        (events.ReferralExpired, {"by": "system", "receiver_told": False}, {DESK: "expired"}),
        (events.ReferralRevoked, {"by": "system"}, {DESK: "revoked", CLINIC: "to_delete"}),
        (ReferralPersonErased, {"obligation": "deletion_receipt"}, {CLINIC: "erased"}),
        (ReferralPersonErased, {"obligation": None}, {}),
        (ReferralContactNoted, {"by": "system"}, {CLINIC: "contact"}),
        (beside.ReceiptOverdue, {"by": "system"}, {DESK: "receipt_overdue", CLINIC: "receipt_overdue"}),
        (events.ReferralWithdrawn, {"by": "sender", "receiver_agency": None, "receiver_queue": None}, {}),
    ],
)
def test_who_is_told(model: type[ReferralEvent], known: dict[str, Any], expected: dict[str, str]) -> None:
    assert told(an_event(model, **known)) == expected


SUPERVISORS = {"pa.comune", "pa.accura"}


@pytest.mark.parametrize(
    ("model", "known", "expected"),
    [
        (events.ReferralEnteredInError, {"by": "sender"}, {DESK} | SUPERVISORS),
        (events.ReferralEnteredInError, {"by": "coordinator"}, SUPERVISORS),
        (events.ReferralEnteredInError, {"by": "sender", "receiver_agency": None, "receiver_queue": None},
         {DESK, "pa.comune"}),
        (events.ReferralFlaggedInError, {"by": "coordinator"}, {CLINIC} | SUPERVISORS),
        (events.ReferralWithdrawn, {"by": "sender"}, set()),
    ],
)  # fmt: skip
def test_of_an_error_whoever_is_not_told_is_told_nothing_else_either(
    model: type[ReferralEvent], known: dict[str, Any], expected: set[str]
) -> None:
    event = an_event(model, **known)

    dropped = drop(event, tell(event, EVENT_ID, "palermo"))

    assert {command.queue for command in dropped} == expected
    assert {command.referral_id for command in dropped} <= {REFERRAL_ID}


@pytest.mark.parametrize(
    ("model", "by", "expected"),
    [
        (events.ReferralSeatOffered, "system", {DESK: "seat_offered"}),
        (events.ReferralSent, "system", {DESK: "new"}),
        (events.ReferralAccepted, "receiver", {}),
        (events.ReferralWithdrawn, "sender", {}),
        (events.ReferralRevoked, "system", {DESK: "revoked"}),
    ],
)
def test_a_desk_on_both_sides_is_told_once_and_not_of_what_it_did(
    model: type[ReferralEvent], by: str, expected: dict[str, str]
) -> None:
    assert told(an_event(model, by=by, receiver_agency="pa.comune", receiver_queue=DESK)) == expected


def test_a_task_that_no_answer_has_opened_is_told_to_whoever_has_it() -> None:
    assert told(a_task()) == {DESK: "decide"}
    assert told(a_task(next="sender_task_documents")) == {}
    assert told(a_task(kind="receiver_not_told", next="receiver_not_told")) == {}


def test_what_a_supervisor_has_to_confirm_is_told_to_the_desk_and_to_the_supervisors_of_its_agency() -> None:
    confirm = {"kind": "confirm_vital_interest", "next": "confirm_vital_interest"}

    assert told(a_task(**confirm)) == {DESK: "to_confirm", "pa.comune": "to_confirm"}


@pytest.mark.parametrize(
    "event", [a_task(code="RM-7K3M9Q", agency="pa.lead"), an_event(events.ReferralAccepted, code="RM-7K3M9Q")]
)
def test_a_referral_is_called_in_a_mail_as_it_is_called_everywhere(event: Message) -> None:
    """Also by the coordination of another city than its sender's."""
    assert [command.notice.code for command in tell(event, EVENT_ID, "palermo")] == ["RM-7K3M9Q"]


def test_what_only_the_coordination_may_look_at_is_told_to_it_at_once() -> None:
    lead = {"agency": "pa.lead", "queue": "pa.lead.coordination"}

    assert told(a_task(kind="coordinator_review", next="coordinator_review", **lead)) == {lead["queue"]: "decide"}


def test_an_answer_to_a_command_is_told_by_its_event_alone() -> None:
    assert told(answers.CommandAccepted(asked=Asked(), subject="s")) == {}


def test_the_same_event_makes_the_same_notice_and_another_for_each_queue() -> None:
    event = an_event(events.ReferralSeatOffered, by="system")

    first, again = (tell(event, EVENT_ID, "palermo") for _ in range(2))

    assert first == again
    assert len({command.notice.notification_id for command in first} | {EVENT_ID}) == 3


def test_the_public_code_begins_with_the_senders_province_and_follows_from_the_id_alone() -> None:
    assert public_code(UUID(int=0), "palermo") == "PA-000000"
    assert public_code(UUID(int=2**30 - 1), "roma") == "RM-ZZZZZZ"
    assert public_code(UUID(int=2**30 + 33), None) == "IT-000011"
    assert len({public_code(UUID(int=n), "palermo") for n in range(0, 2**30, 2**20)}) == 2**10


@pytest.mark.parametrize("service", codes.codes("services"))
def test_a_notice_names_the_service_as_a_board_does(service: str) -> None:
    (command,) = tell(an_event(events.ReferralAccepted, service=service), EVENT_ID, "palermo")

    assert command.notice.service == codes.bus_code(service)
    assert command.notice.code == public_code(REFERRAL_ID, "palermo")
