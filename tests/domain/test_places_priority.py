"""What becomes of a place, and of who waits for one, when a person turns out to be more urgent, or less."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.directory import Capacity, Waitlist
from contracts.places import LapseHold, LimitHold, PutPlaces, RankPlaces, ReleasePlaces
from services.places.domain.places import Places
from services.referral.domain import needs
from services.referral.domain.referral import Referral
from tests.builders import a_command, a_recorded_intake, an_agency, an_offer
from tests.domain.test_places import LATER, OFFER, a_hold, about, after, beds
from tests.offline import Offline

SLOT = an_offer(
    capacity=Capacity(kind="appointment_slot", total=1), waitlist=Waitlist(enabled=True, order_rule_version=1)
)
LONG = timedelta(days=20)


def a_network() -> Offline:
    return Offline((an_agency("pa.comune"), an_agency("pa.accura")), (SLOT,))


def ask(network: Offline, n: int, priority: str = "MEDIUM") -> UUID:
    """One more person asks for the one place, a minute after the one before."""
    network.now += timedelta(minutes=1)
    asked = {"service": "health.primary", "priority": priority}
    network.ask(a_recorded_intake(asked, intake_id=UUID(int=n), person_ref=f"p-{n}"))
    return needs.referral_id(UUID(int=n), 0)


def say(network: Offline, referral_id: UUID, command: str, **fields: Any) -> Referral:
    by = "pa.comune" if command == "change_priority" else "pa.accura"
    network.ask(a_command(command, referral_id=referral_id, **{"by": by} | fields))
    return network.referrals[referral_id]


def places(network: Offline) -> Places:
    return network.places["pa.accura.primary"]


def test_who_becomes_more_urgent_while_they_wait_is_first_when_a_place_is_free() -> None:
    network = a_network()
    has_it, waits, becomes_urgent = ask(network, 1), ask(network, 2), ask(network, 3)

    say(network, becomes_urgent, "change_priority", priority="URGENT")
    say(network, has_it, "decline", decline_reason="person_refused")

    assert [taken.party.referral_id for taken in places(network).taken] == [becomes_urgent]
    assert (network.referrals[becomes_urgent].seat, network.referrals[waits].seat) == ("held", "waiting")


def test_the_place_of_who_becomes_an_emergency_is_held_until_a_person_decides() -> None:
    network = a_network()
    referral_id = ask(network, 1)
    say(network, referral_id, "change_priority", priority="EMERGENCY")

    network.sweep(network.now + LONG)

    assert network.referrals[referral_id].seat == "held"
    assert say(network, referral_id, "accept").state == "ACCEPTED"
    assert [taken.confirmed for taken in places(network).taken] == [True]


def test_the_place_of_who_is_less_urgent_is_held_as_long_as_there_is_time_to_decide() -> None:
    network = a_network()
    referral_id = ask(network, 1, "URGENT")
    before = network.referrals[referral_id]
    after_ = say(network, referral_id, "change_priority", priority="ROUTINE")
    assert before.seat_until and after_.due_at and before.seat_until < after_.due_at

    network.sweep(after_.due_at)

    assert say(network, referral_id, "accept").state == "ACCEPTED"


def test_an_answer_about_the_place_that_crosses_with_the_change_does_not_shorten_the_hold() -> None:
    network = a_network()
    network.services = ("referral",)
    referral_id = ask(network, 1)
    say(network, referral_id, "change_priority", priority="EMERGENCY")
    changed, hold = network.referrals[referral_id], next(m for m in network.said if m.TYPE.endswith("referral.sent.v1"))

    assert (changed.seat, changed.seat_until) == ("asked", None)
    network.services = ("referral", "programmes")
    network.ask(SLOT)
    network.ask(hold)

    assert (network.referrals[referral_id].seat, network.referrals[referral_id].seat_until) == ("held", None)


def test_an_emergency_that_an_acceptance_is_taken_back_of_keeps_its_place_until_a_person_decides() -> None:
    network = a_network()
    referral_id = ask(network, 1, "EMERGENCY")
    say(network, referral_id, "accept")
    say(network, referral_id, "unaccept")

    network.sweep(network.now + LONG)

    assert say(network, referral_id, "accept").state == "ACCEPTED"


# -- the places alone --------------------------------------------------------------------------------------------------


def rank(n: int, priority: str = "EMERGENCY", **known: Any) -> RankPlaces:
    return RankPlaces(**about(n) | {"priority": priority} | known)


def test_nothing_is_said_and_only_what_is_held_lasts_longer() -> None:
    full, _ = after(beds(1), a_hold(1), a_hold(2))
    promoted, _ = after(full, ReleasePlaces(**about(1), cause="CLOSED"), LimitHold(**about(2), until=LATER))

    held, said = after(full, rank(1))
    offered, _ = after(promoted, rank(2, "ROUTINE", until=LATER + timedelta(days=1)))

    assert said == []
    assert [(taken.party.priority, taken.until) for taken in held.taken] == [("EMERGENCY", None)]
    assert after(held, LapseHold(**about(1), until=LATER)) == (held, [])
    assert [(taken.party.priority, taken.until) for taken in offered.taken] == [("ROUTINE", LATER)]


def test_who_asked_before_the_directory_was_known_is_answered_by_what_they_are_now() -> None:
    early, _ = after(Places(OFFER), a_hold(1, priority="MEDIUM"), rank(1))

    known, said = after(early, PutPlaces(offer=OFFER, kind="bed_night", total=0, waitlist=True))

    assert said == ["refused 1"], "an emergency never waits"
    assert known.early == ()


@pytest.mark.parametrize("before", [beds(), Places(OFFER)])
def test_of_whom_nothing_is_known_here_nothing_changes(before: Places) -> None:
    assert after(before, rank(1)) == (before, [])
