"""How a referral and its explanation are told, and what of them to whom."""

from datetime import timedelta
from typing import get_args

import pytest

from contracts.notifications import public_code
from services.cli.words import SEATS
from services.referral.domain import telling
from services.referral.domain.appointments import Appointment
from services.referral.domain.conditions import Attempt
from services.referral.domain.receipts import Receipt
from services.referral.domain.referral import Entry, Seat, snapshot
from services.referral.domain.routing import Place, Search
from services.referral.domain.telling import Explanation
from tests.builders import NOW, REFERRAL_ID, a_decision, a_need, a_referral, an_offer


def test_a_queue_says_since_when_a_referral_is_in_its_state() -> None:
    states = ("REQUESTED", "WAITLISTED", "WAITLISTED")
    history = tuple(
        Entry(n, NOW + timedelta(hours=n), "c", "receiver", None, state, ()) for n, state in enumerate(states)
    )

    told = telling.queued(a_referral("WAITLISTED", history=history))

    assert told["since"] == NOW + timedelta(hours=1)
    assert (told["version"], told["state"]["code"]) == (3, "WAITLISTED")


def test_a_queue_says_what_became_of_the_place_and_where_the_person_waits() -> None:
    held = telling.queued(a_referral(seat="held", seat_until=NOW))
    waiting = telling.queued(a_referral("WAITLISTED", seat="waiting", position=2))
    accepted = telling.queued(a_referral("ACCEPTED", seat="confirmed", position=2))

    assert (held["seat"], held["place_until"], held["position"]) == ("held", NOW, None)
    assert (waiting["seat"], waiting["position"], accepted["position"]) == ("waiting", 2, None)


def test_a_referral_is_called_as_in_the_mails() -> None:
    named = public_code(REFERRAL_ID, "palermo")

    told = telling.queued(a_referral())

    assert told["code"] == snapshot(a_referral(), NOW, "sender")["code"] == named


def test_there_are_words_for_whatever_may_become_of_a_place() -> None:
    assert set(SEATS) == set(get_args(Seat))


@pytest.mark.parametrize(("state", "days", "may"), [
    ("ACCEPTED", 400, True), ("CLOSED", 30, True), ("CLOSED", 31, False), ("DECLINED", 31, False),
    ("REVOKED", 0, False), ("ENTERED_IN_ERROR", 0, False),
])  # fmt: skip
def test_a_receiver_reads_of_the_person_until_a_month_after_the_end_and_never_of_what_was_revoked(
    state: str, days: int, may: bool
) -> None:
    last = Entry(2, NOW, "close", "receiver", "pa.accura", state, ())
    referral = a_referral(state, history=(last,))

    assert telling.is_for_its_receiver(referral, NOW + timedelta(days=days)) is may


def test_what_comes_after_the_end_makes_the_month_no_longer() -> None:
    ends = [("withdraw", 1), ("chase_receipt", 20), ("chase_receipt", 40)]
    history = tuple(
        Entry(n, NOW + timedelta(days=day), command, "system", None, "WITHDRAWN", ())
        for n, (command, day) in enumerate(ends, 2)
    )
    referral = a_referral("WITHDRAWN", history=history)

    assert telling.is_for_its_receiver(referral, NOW + timedelta(days=31))
    assert not telling.is_for_its_receiver(referral, NOW + timedelta(days=32))


def test_a_receiver_reads_no_more_of_what_was_found_to_be_an_error_after_its_end() -> None:
    last = Entry(2, NOW, "close", "receiver", "pa.accura", "CLOSED", ())

    assert not telling.is_for_its_receiver(a_referral("CLOSED", history=(last,), in_error=True), NOW)


def test_of_what_a_receiver_must_forget_it_reads_how_it_stands_and_what_it_owes() -> None:
    owed = Receipt("deletion_receipt", NOW, NOW + timedelta(days=5))
    entry = Entry(2, NOW, "revoke", "system", None, "REVOKED", (), "recipient_excluded")
    known = {"attempts": (Attempt(NOW, "phone", "reached"),), "appointments": (Appointment(1, NOW),)}
    referral = a_referral("REVOKED", history=(entry,), receipts=(owed,), assigned_worker="Rosa", **known)

    told, left = telling.referral(referral), telling.referral(referral, whole=False)

    assert (left["state"]["code"], left["since"], left["receipts"]) == ("REVOKED", NOW, told["receipts"])
    assert told.keys() == left.keys()
    gone = ("timers", "timeline", "attempts", "appointments", "assigned_worker", "review_date")
    assert [left[name] for name in gone] == [[], [], [], [], None, None]
    assert all(told[name] for name in ("timeline", "attempts", "appointments", "assigned_worker"))


def test_a_receiver_is_not_told_which_other_service_the_person_asked_for_or_where_they_would_go() -> None:
    need = a_need("lab.tailoring", depends_on="protection.gbv", willing_to_travel=("napoli",))
    of = Explanation(REFERRAL_ID, NOW, a_decision(an_offer(service="lab.tailoring"), search=Search(need)))

    told, left = telling.explanation(of, whole=True)["facts"], telling.explanation(of, whole=False)["facts"]

    assert (told["depends_on"], told["willing_to_travel"]) == ("protection.gbv", ["napoli"])
    assert {"depends_on", "willing_to_travel"}.isdisjoint(left)
    assert (left["service"], left["city_of_presence"]) == ("lab.tailoring", "palermo")


@pytest.mark.parametrize(("service", "called", "next_"), [
    ("health.primary", "health.primary", "pa.penc.gbv"), ("protection.gbv", "care.reserved", "pa.penc"),
])  # fmt: skip
def test_who_coordinates_is_told_who_would_be_asked_but_not_for_what_where_that_is_reserved(
    service: str, called: str, next_: str
) -> None:
    onward = Place("pa.penc.gbv", "pa.penc", "pa.penc.desk", "palermo")

    shown = telling.if_suspended(a_referral(need=a_need(service=service)), onward, rerouted=True)

    assert (shown["service"], shown["next"], shown["rerouted"]) == (called, next_, True)
