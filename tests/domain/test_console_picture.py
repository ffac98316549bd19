"""What the console keeps of a referral for a city's board, beside the whole of it."""

from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from contracts.beside import (
    AppointmentCancelled,
    AppointmentScheduled,
    ReceiptConfirmed,
    ReceiptOverdue,
    ReceiptRequested,
    ReferralEscalated,
    TimerCleared,
    TimerFired,
    TimerStarted,
)
from contracts.erasure import ReferralPersonErased
from contracts.events import (
    ReferralAccepted,
    ReferralClosed,
    ReferralDeclined,
    ReferralFlaggedInError,
    ReferralInterestConfirmed,
    ReferralReopened,
    ReferralRevoked,
    ReferralSeatLapsed,
    ReferralSeatOffered,
    ReferralSent,
    ReferralWaitlisted,
    ReferralWithdrawn,
    RoutingDecided,
)
from contracts.feeds import KEPT_AFTER
from contracts.journeys import TaskDone, TaskOpened, TaskOverdue
from contracts.values import Message
from services.console.domain import picture

E = TypeVar("E", bound=Message)
SAMPLES = Path(__file__).parents[2] / "contracts" / "samples"


def said(model: type[E]) -> E:
    return model.model_validate_json((SAMPLES / f"{model.TYPE}.json").read_bytes())


def test_a_board_counts_a_referral_from_when_it_is_sent() -> None:
    decided = picture.after(None, said(RoutingDecided), ["palermo"])
    sent = picture.after(decided, said(ReferralSent), ["palermo"])

    counted = picture.counted(sent)

    assert picture.counted(None) is None and picture.counted(decided) is None
    assert counted and counted["sent_at"] == said(ReferralSent).at and counted["answered_at"] is None


def test_an_answer_is_counted_and_nothing_that_leads_to_the_person() -> None:
    sent = picture.after(None, said(ReferralSent), ["palermo"])
    accepted = said(ReferralAccepted).model_copy(update={"by": "receiver"})

    counted = picture.counted(picture.after(sent, accepted, ["palermo"]))

    assert counted and counted["answered_at"] == accepted.at
    assert counted.keys() == {*picture.COUNTED}
    assert not {"person_ref", "person", "code", "sender_ref"} & counted.keys()


def test_why_it_was_declined_is_counted_with_the_rule_also_for_one_that_was_kept_before_rules_were() -> None:
    sent = picture.after(None, said(ReferralSent), ["palermo"])
    kept_before = {name: value for name, value in sent.items() if name != "failed_rule"}
    declined = said(ReferralDeclined).model_copy(update={"failed_rule": "age_between"})

    counted = picture.counted(picture.after(kept_before, declined, ["palermo"]))

    assert counted and (counted["ended"][0], counted["failed_rule"]) == ("decline_reasons", "age_between")
    assert picture.counted(kept_before)


def test_what_is_opened_again_has_not_ended() -> None:
    closed = picture.after(picture.after(None, said(ReferralSent), ["palermo"]), said(ReferralClosed), ["palermo"])

    assert closed["ended"] and not picture.after(closed, said(ReferralReopened), ["palermo"])["ended"]


def test_how_far_a_timer_has_climbed_is_kept_until_it_begins_anew_or_is_over() -> None:
    raised = said(ReferralEscalated).model_copy(update={"timer": "decide", "level": 2})
    fired = said(TimerFired).model_copy(update={"timer": "decide", "level": 1})
    other = said(TimerFired).model_copy(update={"timer": "acknowledge", "level": 1})
    climbed = picture.after(None, said(ReferralSent), ["palermo"])
    for event in (raised, fired, other):
        climbed = picture.after(climbed, event, ["palermo"])

    over = picture.after(climbed, said(TimerCleared).model_copy(update={"timer": "acknowledge"}), ["palermo"])
    anew = picture.after(over, said(TimerStarted).model_copy(update={"timer": "decide"}), ["palermo"])

    assert climbed["levels"] == {"decide": 2, "acknowledge": 1}
    assert (over["levels"], anew["levels"]) == ({"decide": 2}, {})


def test_why_a_place_is_held_no_longer_is_on_the_timeline() -> None:
    lapsed = said(ReferralSeatLapsed).model_copy(update={"lapse_cause": "person_refused"})

    line = picture.entry(lapsed, "id", 1)

    assert line and line["said"]["lapse_cause"] == "person_refused"


def test_what_was_sent_in_one_week_lies_together_by_city_and_partition() -> None:
    sent = picture.after(None, said(ReferralSent), ["palermo"])
    counted = picture.counted(sent) or {}
    later = counted | {"state": "ACCEPTED"}

    first = picture.tally(None, "palermo", 3, "r-1", counted)
    second = picture.tally(picture.tally(first, "palermo", 3, "r-2", counted), "palermo", 3, "r-1", later)

    assert second["of"] == {"r-1": later, "r-2": counted}
    assert (second["_id"], second["city"]) == (picture.tally_id("palermo", counted["sent_at"], 3), "palermo")
    assert second["week"].weekday() == 0 and second["week"] <= counted["sent_at"] < second["week"] + timedelta(days=7)


def test_of_appointments_those_are_kept_to_which_the_person_is_still_expected() -> None:
    fixed = [said(AppointmentScheduled).model_copy(update={"appointment": n}) for n in (1, 2)]
    cancelled = said(AppointmentCancelled).model_copy(update={"appointment": 1})

    docs = [picture.after(None, said(ReferralSent), ["palermo"])]
    for event in (*fixed, cancelled, said(ReferralClosed)):
        docs.append(picture.after(docs[-1], event, ["palermo"]))

    assert [list(doc["fixed"]) for doc in docs] == [[], ["1"], ["1", "2"], ["2"], []]
    assert docs[2]["fixed"]["2"] == fixed[1].starts_at


def test_a_receipt_is_owed_from_when_it_is_asked_for_until_it_is_given() -> None:
    docs = [picture.after(None, said(ReferralSent), ["palermo"])]
    for event in (said(ReferralRevoked), said(ReceiptRequested), said(ReceiptOverdue), said(ReceiptConfirmed)):
        docs.append(picture.after(docs[-1], event.model_copy(update={"state": "REVOKED"}), ["palermo"]))

    assert [doc["owes"] for doc in docs] == [None, None, OWED, OWED, None]
    assert docs[2]["read_until"] is None, "what a receiver must delete it sees no more"


def test_a_receiver_sees_who_waits_for_its_place_also_if_it_was_full_when_it_was_asked_for() -> None:
    asked = picture.after(None, said(ReferralSent).model_copy(update={"seat": "asked"}), ["palermo"])
    waits = picture.after(asked, said(ReferralWaitlisted), ["palermo"])
    upgraded = picture.after(
        waits | {"read_until": None, "shown_to": None}, said(ReferralInterestConfirmed), ["palermo"]
    )

    assert [doc["shown_to"] for doc in (asked, waits, upgraded)] == [None, "pa.accura", "pa.accura"]
    assert waits["person"] == asked["person"]


def test_until_when_a_place_is_held_is_kept_until_it_lapses_and_of_what_was_kept_before_stays_unknown() -> None:
    asked = said(ReferralSent).model_copy(update={"seat": "asked"})
    docs = [picture.after(None, asked, ["palermo"])]
    for event in (said(ReferralWaitlisted), said(ReferralSeatOffered), said(TimerFired), said(ReferralSeatLapsed)):
        docs.append(picture.after(docs[-1], event, ["palermo"]))
    kept_before = {name: value for name, value in docs[2].items() if name != "seat_until"}

    until = said(ReferralSeatOffered).place_until
    assert until and [doc["seat_until"] for doc in docs] == [None, None, until, until, None]
    assert "seat_until" not in picture.after(kept_before, said(TimerFired), ["palermo"])


def test_a_receiver_sees_it_for_a_month_after_its_end_whatever_is_said_of_it_later() -> None:
    docs = [picture.after(None, said(ReferralSent).model_copy(update={"seat": "none"}), ["palermo"])]
    ended = said(ReferralWithdrawn)
    late = [
        model.model_copy(update={"state": "WITHDRAWN", "at": ended.at + timedelta(days=7 * n)})
        for n, model in enumerate((said(ReceiptRequested), said(ReceiptOverdue), said(ReceiptOverdue)))
    ]

    for event in (ended, *late):
        docs.append(picture.after(docs[-1], event, ["palermo"]))

    assert docs[0]["read_until"] == picture.ALWAYS
    assert [doc["read_until"] for doc in docs[1:]] == [ended.at + KEPT_AFTER] * 4


def test_of_a_person_who_is_erased_no_fact_is_kept_and_the_receiver_sees_no_more() -> None:
    closed = picture.after(picture.after(None, said(ReferralSent), ["palermo"]), said(ReferralClosed), ["palermo"])
    kept_before = {name: value for name, value in closed.items() if name != "erased_at"}

    erased = picture.after(kept_before, said(ReferralPersonErased), ["palermo"])
    later = said(ReceiptRequested).model_copy(update={"state": "CLOSED"})
    owing = picture.after(erased, later, ["palermo"])

    assert closed["person"] is not None and closed["read_until"] is not None
    for doc in (erased, owing):
        assert (doc["person"], doc["read_until"], doc["erased_at"]) == (None, None, said(ReferralPersonErased).at)
    assert (owing["owes"], owing["person_ref"]) == (OWED, closed["person_ref"])
    assert picture.counted(owing) == picture.counted(closed)


def test_of_two_receipts_that_are_owed_one_that_is_given_leaves_the_other() -> None:
    seen = {"state": "WITHDRAWN", "obligation": "withdraw_seen_receipt"}
    asked = [said(ReceiptRequested).model_copy(update=more) for more in (seen, {"state": "WITHDRAWN"})]
    doc = picture.after(None, said(ReferralSent), ["palermo"])
    for event in (*asked, said(ReceiptConfirmed).model_copy(update=seen)):
        doc = picture.after(doc, event, ["palermo"])

    assert doc["owes"] == OWED


def test_a_receiver_sees_no_more_what_was_found_to_be_an_error_after_its_end() -> None:
    closed = picture.after(picture.after(None, said(ReferralSent), ["palermo"]), said(ReferralClosed), ["palermo"])

    flagged = picture.after(closed, said(ReferralFlaggedInError).model_copy(update={"state": "CLOSED"}), ["palermo"])

    assert flagged["read_until"] is None


OWED = said(ReceiptRequested).obligation


@pytest.mark.parametrize("said", ["PA-7K309Q", "pa 7k309q", "PA7K3O9Q", "pa-7k3o9q "])
def test_a_code_is_known_however_it_is_said_on_the_telephone(said):
    assert picture.code_said(said) == "PA-7K309Q"


def test_what_is_no_code_stays_what_it_is():
    assert picture.code_said("fasc/2026 44") == "FASC/2026 44"


def test_a_task_that_is_opened_again_begins_anew_and_one_that_is_handed_over_goes_on() -> None:
    opened, overdue, done = said(TaskOpened), said(TaskOverdue), said(TaskDone)
    again = opened.model_copy(update={"at": opened.at + timedelta(hours=3)})
    late = picture.task_after(picture.task_after(None, opened, ["palermo"]), overdue, ["palermo"])

    handed_over = picture.task_after(dict(late), again, ["palermo"])
    anew = picture.task_after(picture.task_after(dict(late), done, ["palermo"]), again, ["palermo"])

    assert (handed_over["opened_at"], handed_over["level"], handed_over["open"]) == (opened.at, overdue.level, True)
    assert (anew["opened_at"], anew["level"], anew["open"]) == (again.at, 0, True)
