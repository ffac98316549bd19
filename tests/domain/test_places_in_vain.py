"""Who waits for a place that will not come: their sender is asked, and does not learn it a month later."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.directory import Capacity, Offer, Waitlist
from contracts.journeys import CompleteTask
from contracts.places import CapacityConfirmed, ConfirmPlaces, LapseHold
from contracts.values import Asked
from services.places.domain import changes
from services.referral.domain import needs
from tests.builders import a_recorded_intake, an_agency, an_offer
from tests.domain.test_places_priority import say
from tests.offline import Offline

HOUSE = an_offer(
    "pa.accura.house",
    service="housing.temporary",
    capacity=Capacity(kind="bed_night", total=4),
    waitlist=Waitlist(enabled=True),
)


def a_family_waits() -> tuple[Offline, UUID]:
    """One of three, behind one of two in a house with four beds."""
    network = Offline((an_agency("pa.comune"), an_agency("pa.accura")), (HOUSE,))
    for n, members in ((1, 2), (2, 3)):
        network.ask(
            a_recorded_intake("housing.temporary", intake_id=UUID(int=n), person_ref=f"p-{n}", household_size=members)
        )
    waits = needs.referral_id(UUID(int=2), 0)
    assert network.referrals[waits].state == "WAITLISTED"
    return network, waits


def told(network: Offline, **changed: Any) -> Offer:
    """What the directory says of the house now."""
    entry = HOUSE.model_copy(update=changed | {"version": network.asked})
    network.ask(entry)
    return entry


SMALLER = {"capacity": Capacity(kind="bed_night", total=2)}


@pytest.mark.parametrize("changed", [{"status": "closed"}, SMALLER])
def test_the_sender_of_who_waits_in_vain_has_a_task(changed: dict[str, Any]) -> None:
    network, waits = a_family_waits()

    told(network, **changed)

    assert [(t.kind, t.agency, t.referral_id, t.next) for t in network.tasks] == [
        ("waits_in_vain", "pa.comune", waits, "sender_decides")
    ]
    assert network.referrals[waits].state == "WAITLISTED", "people decide"


def test_it_is_asked_once_and_the_person_keeps_their_place_on_the_list() -> None:
    network, waits = a_family_waits()
    told(network, status="closed")
    told(network, status="closed", label={"it": "Casa"})
    assert len(network.tasks) == 1

    told(network)
    say(network, needs.referral_id(UUID(int=1), 0), "decline", decline_reason="person_refused")

    assert network.referrals[waits].seat == "held"


def test_who_can_still_have_a_place_waits_on_and_nobody_is_asked() -> None:
    network, _ = a_family_waits()

    told(network, capacity=Capacity(kind="bed_night", total=3))

    assert network.tasks == []


@pytest.mark.parametrize("done", [True, False])
def test_when_it_closes_again_it_is_asked_again_unless_nobody_has_answered_yet(done: bool) -> None:
    network, waits = a_family_waits()
    told(network, status="closed")
    if done:
        first = network.tasks[0].task_id
        network.ask(CompleteTask(task_id=first, asked=Asked(agency="pa.comune", command_id="c-1")))
    told(network)
    network.now += timedelta(days=1)

    told(network, status="closed")

    assert asked(network) == ([waits, waits] if done else [waits])
    assert [task.state for task in network.tasks if task.state == "OPEN"] == ["OPEN"]


# -- the agency stops working ------------------------------------------------------------------------------------------


def asked(network: Offline) -> list[UUID | None]:
    """For whom somebody is asked whether they are to wait on."""
    return [task.referral_id for task in network.tasks if task.kind == "waits_in_vain"]


def freed(network: Offline) -> None:
    """Who has a place in the house leaves it."""
    say(network, needs.referral_id(UUID(int=1), 0), "decline", decline_reason="person_refused")


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_where_an_agency_has_stopped_working_nobody_is_called_from_the_list_and_who_waits_is_asked(status: str) -> None:
    network, waits = a_family_waits()

    network.ask(an_agency("pa.accura", status=status, version=2))
    freed(network)

    assert asked(network) == [waits]
    assert (network.referrals[waits].seat, network.places[HOUSE.code].taken) == ("waiting", ())


def test_who_waited_for_it_is_called_when_it_works_again() -> None:
    network, waits = a_family_waits()
    network.ask(an_agency("pa.accura", status="suspended", version=2))
    freed(network)

    network.ask(an_agency("pa.accura", version=3))

    assert network.referrals[waits].seat == "held"


def test_what_is_said_of_the_offer_later_opens_none_of_an_agency_that_has_left() -> None:
    network, waits = a_family_waits()
    network.ask(an_agency("pa.accura", status="left", version=2))
    freed(network)

    told(network, capacity=Capacity(kind="bed_night", total=9))

    assert network.referrals[waits].seat == "waiting"


def test_an_offer_that_has_gone_to_another_agency_does_not_close_with_its_first() -> None:
    network, waits = a_family_waits()
    network.ask(an_agency("pa.ponte"))
    told(network, agency="pa.ponte", queue="pa.ponte.desk")

    network.ask(an_agency("pa.accura", status="left", version=2))
    freed(network)

    assert (network.referrals[waits].seat, asked(network)) == ("held", [])


def test_in_whatever_order_the_directory_is_read_the_offer_of_who_has_left_is_closed() -> None:
    left = an_agency("pa.accura", status="left")
    for entries in ((left, HOUSE), (HOUSE, left)):
        network = Offline()
        for entry in entries:
            network.ask(entry)

        assert not network.places[HOUSE.code].is_open


# -- nobody counts its places any more ---------------------------------------------------------------------------------

UNCOUNTED = [Capacity(kind="bed_night"), Capacity(kind="none")]


@pytest.mark.parametrize("capacity", UNCOUNTED)
def test_where_places_are_counted_no_more_nobody_is_called_and_who_waits_is_asked(capacity: Capacity) -> None:
    network, waits = a_family_waits()

    told(network, capacity=capacity)
    assert asked(network) == [waits]
    told(network, capacity=capacity, status="closed")
    freed(network)

    assert network.referrals[waits].seat == "waiting"
    assert (network.places[HOUSE.code].is_open, network.places[HOUSE.code].taken) == (False, ())


def test_only_those_are_asked_who_were_not_when_it_had_too_few_for_them() -> None:
    network, family = a_family_waits()
    network.ask(a_recorded_intake("housing.temporary", intake_id=UUID(int=3), person_ref="p-3", household_size=2))
    network.ask(a_recorded_intake("housing.temporary", intake_id=UUID(int=4), person_ref="p-4", household_size=2))
    told(network, **SMALLER)
    assert asked(network) == [family]

    told(network, capacity=Capacity(kind="none"))
    freed(network)

    assert asked(network) == [family, needs.referral_id(UUID(int=4), 0)]
    assert network.places[HOUSE.code].is_open is False


@pytest.mark.parametrize("capacity", UNCOUNTED)
def test_who_waited_is_called_when_places_are_counted_again(capacity: Capacity) -> None:
    network, waits = a_family_waits()
    told(network, capacity=capacity)
    freed(network)

    told(network)

    assert network.referrals[waits].seat == "held"


def test_who_has_a_place_that_is_counted_no_more_keeps_it() -> None:
    network, _ = a_family_waits()
    has_it = needs.referral_id(UUID(int=1), 0)

    told(network, capacity=Capacity(kind="none"))

    assert say(network, has_it, "accept").state == "ACCEPTED"
    assert [(t.party.referral_id, t.confirmed) for t in network.places[HOUSE.code].taken] == [(has_it, True)]
    assert network.referrals[has_it].seat == "confirmed"


@pytest.mark.parametrize("capacity", UNCOUNTED)
def test_whom_a_mistake_sent_away_goes_on_in_the_place_that_is_counted_no_more(capacity: Capacity) -> None:
    network, _ = a_family_waits()
    has_it = needs.referral_id(UUID(int=1), 0)
    for command in ("accept", "start"):
        say(network, has_it, command)
    told(network, capacity=capacity)
    say(network, has_it, "close", closure_outcome="served_completed")

    again = say(network, has_it, "reopen", roles=("supervisor",), text_id=UUID(int=5))

    assert (again.state, again.seat) == ("IN_SERVICE", "confirmed")
    assert "place_lost" not in [task.kind for task in network.tasks]


@pytest.mark.parametrize("capacity", UNCOUNTED)
def test_who_accepts_as_the_hold_ends_takes_the_place_that_is_counted_no_more(capacity: Capacity) -> None:
    network, _ = a_family_waits()
    held = network.places[HOUSE.code].taken[0]
    told(network, capacity=capacity)
    about = {"offer": HOUSE.code, "referral_id": held.party.referral_id, "journey_id": held.party.journey_id}

    lapsed, _ = changes.change(network.places[HOUSE.code], LapseHold(**about, until=held.until), network.now)
    _, said = changes.change(lapsed, ConfirmPlaces(**about), network.now)

    assert [type(one) for one in said] == [CapacityConfirmed]


def test_of_what_was_never_counted_nothing_is_made() -> None:
    network = Offline()
    for capacity in UNCOUNTED:
        told(network, capacity=capacity)

    assert network.places == {}


# -- its last day is over ----------------------------------------------------------------------------------------------

LAST_DAY = date(2026, 10, 31)
OVER = datetime(2026, 10, 31, 23, tzinfo=UTC)
"""Midnight in Palermo, where the clocks went back a week ago."""


def test_on_the_day_after_its_last_the_sender_of_who_waits_is_asked_and_nobody_is_called_any_more() -> None:
    network, waits = a_family_waits()
    told(network, valid_to=LAST_DAY)

    network.sweep(OVER - timedelta(seconds=1))
    assert asked(network) == []
    network.sweep(OVER)
    freed(network)

    assert asked(network) == [waits]
    assert network.referrals[waits].seat == "waiting"


@pytest.mark.parametrize("last", [None, LAST_DAY + timedelta(days=90)])
def test_an_offer_that_is_to_go_on_calls_who_waits(last: date | None) -> None:
    network, waits = a_family_waits()
    told(network, valid_to=LAST_DAY)
    network.sweep(OVER)
    freed(network)

    told(network, valid_to=last)

    assert network.referrals[waits].seat == "held"


def test_a_day_that_was_moved_in_time_closes_nothing() -> None:
    network, waits = a_family_waits()
    told(network, valid_to=LAST_DAY)
    told(network, valid_to=LAST_DAY + timedelta(days=90))
    network.sweep(OVER)

    freed(network)

    assert network.referrals[waits].seat == "held"


def test_who_lets_a_place_go_that_was_held_past_the_last_day_waits_in_vain_too() -> None:
    network, waits = a_family_waits()
    told(network, valid_to=LAST_DAY)
    network.sweep(OVER - timedelta(hours=1))
    freed(network)
    network.sweep(OVER)
    assert (network.referrals[waits].seat, asked(network)) == ("held", [])

    say(network, waits, "lapse_seat", lapse_cause="person_refused")

    assert asked(network) == [waits]


def test_who_is_put_on_the_list_of_a_closed_offer_waits_in_vain_too() -> None:
    network, _ = a_family_waits()
    told(network, status="closed")
    has_it = needs.referral_id(UUID(int=1), 0)

    say(network, has_it, "waitlist")

    assert network.referrals[has_it].state == "WAITLISTED"
    assert has_it in asked(network)
