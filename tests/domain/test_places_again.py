"""Places of a referral whose acceptance was taken back, or that goes on after its end."""

from dataclasses import replace

import pytest

from contracts.events import ReferralReopened, ReferralUnaccepted
from contracts.places import ConfirmPlaces, HoldAgain, LapseHold, ReleasePlaces, TakeAgain
from services.places.domain import asking
from services.places.domain.places import Places
from tests.builders import NOW
from tests.domain.test_places import LATER, a_hold, about, after, beds
from tests.notices import an_event


def taken(total: int = 1, *, waitlist: bool = True) -> Places:
    """The first has what it asked for, and a second one asks too."""
    places, _ = after(beds(total, waitlist=waitlist), a_hold(1), ConfirmPlaces(**about(1)), a_hold(2))
    return places


def take_again(n: int = 1, places: int = 1) -> TakeAgain:
    return TakeAgain(**about(n), places=places, priority="URGENT", sent_at=NOW)


def test_what_was_taken_is_held_again_and_may_lapse_for_the_next() -> None:
    held, said = after(taken(), HoldAgain(**about(1), until=LATER))
    lapsed, then = after(held, LapseHold(**about(1), until=LATER))

    assert said == ["held 1"]
    assert (held.free, held.next_until) == (0, LATER)
    assert then == ["released 1", "promoted 2", "exhausted"]
    assert lapsed.free == 0


def test_only_what_was_taken_is_held_again() -> None:
    places = taken(2)

    assert after(places, HoldAgain(**about(2), until=LATER)) == (places, [])
    assert after(places, HoldAgain(**about(3), until=LATER)) == (places, [])


def test_a_referral_that_goes_on_takes_a_place_at_once_if_there_is_one() -> None:
    over, _ = after(taken(2), ReleasePlaces(**about(1), cause="CLOSED"))

    again, said = after(over, take_again())
    _, twice = after(again, take_again())

    assert said == ["confirmed 1", "exhausted"]
    assert (over.free, again.free) == (1, 0)
    assert twice == []


def test_so_it_does_where_nobody_new_is_taken_any_more() -> None:
    over, _ = after(taken(2), ReleasePlaces(**about(1), cause="CLOSED"))

    again, said = after(replace(over, is_open=False), take_again())

    assert said == ["confirmed 1", "exhausted"]
    assert again.free == 0


@pytest.mark.parametrize("places", [1, 2])
def test_and_is_told_when_there_are_not_as_many_as_it_needs(places: int) -> None:
    over, _ = after(taken(1), ReleasePlaces(**about(1), cause="CLOSED"))

    without, said = after(over, take_again(places=places))

    assert said == ["refused 1"]
    assert without.taken == over.taken


def test_the_events_of_a_counted_offer_ask_for_it_and_those_of_another_do_not() -> None:
    back = an_event(ReferralUnaccepted, state="ACKNOWLEDGED", seat="held", place_until=LATER)
    goes_on = an_event(ReferralReopened, state="IN_SERVICE", seat="confirmed")

    assert asking.asked_by(back, "programmes", lambda _: 1) == HoldAgain(
        offer="pa.accura.primary", referral_id=back.referral_id, journey_id=back.journey_id, until=LATER
    )
    assert isinstance(asking.asked_by(goes_on, "programmes", lambda _: 1), TakeAgain)
    for event in (back, goes_on):
        assert asking.asked_by(event.model_copy(update={"seat": "none"}), "programmes", lambda _: 1) is None
