"""Places of an offer: never more taken than there are, none left empty while somebody fits, and who is next."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.directory import Offer
from contracts.places import (
    CapacityEvent,
    CapacityHeld,
    ClosePlaces,
    ConfirmPlaces,
    HoldPlaces,
    LapseHold,
    LimitHold,
    PlacesEvent,
    PutPlaces,
    RankPlaces,
    ReleasePlaces,
    StillWait,
    WaitForPlaces,
    places_id,
)
from contracts.values import Message
from services.places.domain import asking
from services.places.domain.changes import change
from services.places.domain.places import Places, lapsing
from tests.builders import NOW, an_offer

OFFER = "pa.ponte.bed"
LATER = NOW + timedelta(hours=4)


def beds(total: int = 3, *, waitlist: bool = True) -> Places:
    return Places(OFFER, kind="bed_night", total=total, waitlist=waitlist, order_rule_version=1)


def a_hold(n: int, places: int = 1, **known: Any) -> HoldPlaces:
    given = {"priority": "URGENT", "sent_at": NOW + timedelta(minutes=n), "until": LATER} | known
    return HoldPlaces(**about(n), places=places, **given)


def about(n: int) -> dict[str, Any]:
    return {"offer": OFFER, "referral_id": UUID(int=n), "journey_id": UUID(int=1000 + n)}


def after(places: Places, *commands: Message, now: datetime = NOW) -> tuple[Places, list[str]]:
    """The places after these commands, with what was said of which referral."""
    told = []
    for command in commands:
        places, said = change(places, command, now)
        told += [_word(message) for message in said]
    return places, told


def _word(message: Message) -> str:
    word = message.TYPE.split(".")[2]
    if isinstance(message, CapacityHeld) and message.promoted:
        word = "promoted"
    return f"{word} {message.referral_id.int}" if isinstance(message, CapacityEvent) else word


def test_a_household_is_held_together_or_not_at_all() -> None:
    places, told = after(beds(3), a_hold(1, places=2), a_hold(2, places=2), a_hold(3, places=1))

    assert told == ["held 1", "waitlisted 2", "held 3", "exhausted"]
    assert places.free == 0


def test_the_same_request_again_takes_nothing_more() -> None:
    once, _ = after(beds(), a_hold(1))

    again, told = after(once, a_hold(1))

    assert (again, told) == (once, [])


def test_a_full_offer_without_a_waitlist_refuses_and_one_with_tells_the_position() -> None:
    full, _ = after(beds(1, waitlist=False), a_hold(1))
    assert after(full, a_hold(2))[1] == ["refused 2"]

    waiting, said = change(replace(full, waitlist=True), a_hold(2), NOW)

    assert said[0].model_dump(include={"position", "order_rule_version"}) == {"position": 1, "order_rule_version": 1}
    assert [party.referral_id.int for party in waiting.waiting] == [2]


def test_an_emergency_and_a_household_larger_than_the_house_never_wait() -> None:
    _, told = after(beds(2), a_hold(1, places=2), a_hold(2, priority="EMERGENCY"), a_hold(3, places=3))

    assert told[2:] == ["refused 2", "refused 3"]


def test_a_freed_place_is_held_for_the_most_urgent_who_fits_and_then_for_who_waits_longest() -> None:
    full, _ = after(beds(1), a_hold(1), a_hold(2, priority="MEDIUM"), a_hold(3), a_hold(4, sent_at=NOW))

    _, told = after(full, ReleasePlaces(**about(1), cause="CLOSED"))

    assert told == ["released 1", "promoted 4", "exhausted"]


def test_a_place_is_not_kept_empty_for_a_household_that_does_not_fit() -> None:
    full, _ = after(beds(2), a_hold(1), a_hold(2), a_hold(3, places=2), a_hold(4, priority="ROUTINE"))

    _, told = after(full, ReleasePlaces(**about(1), cause="WITHDRAWN"))

    assert told == ["released 1", "promoted 4", "exhausted"]


def test_who_lets_a_place_go_waits_behind_the_others_until_asked_again() -> None:
    full, _ = after(beds(1), a_hold(1), a_hold(2), a_hold(3), ReleasePlaces(**about(1), cause="CLOSED"))
    full, _ = after(full, LimitHold(**about(2), until=LATER))

    lapsed, told = after(full, LapseHold(**about(2), until=LATER))
    assert told == ["released 2", "promoted 3", "exhausted"]

    alone, told = after(lapsed, ReleasePlaces(**about(3), cause="DECLINED"))
    assert told == ["released 3", "promoted 2", "exhausted"]
    idle, _ = after(alone, LapseHold(**about(2)))
    assert idle.free == 1

    _, told = after(idle, StillWait(**about(2)))
    assert told == ["promoted 2", "exhausted"]


def test_a_lapse_that_comes_after_the_hold_was_moved_or_confirmed_changes_nothing() -> None:
    held, _ = after(beds(), a_hold(1))
    moved, _ = after(held, LimitHold(**about(1), until=LATER + timedelta(hours=1)))
    confirmed, _ = after(held, ConfirmPlaces(**about(1)))

    for places in (moved, confirmed):
        assert after(places, LapseHold(**about(1), until=LATER)) == (places, [])


def test_an_acceptance_that_crosses_the_end_of_its_hold_takes_a_free_place_and_conjures_up_none() -> None:
    lapsed, _ = after(beds(1), a_hold(1), LapseHold(**about(1), until=LATER))

    assert after(lapsed, ConfirmPlaces(**about(1)))[1] == ["confirmed 1"]

    gone, _ = after(lapsed, a_hold(2))
    assert after(gone, ConfirmPlaces(**about(1)))[1] == ["refused 1"]


def test_whoever_was_accepted_without_a_place_is_not_held_one_that_nobody_would_know_of() -> None:
    full, _ = after(beds(1), a_hold(1), a_hold(2), a_hold(3), ReleasePlaces(**about(1), cause="CLOSED"))
    lapsed, _ = after(full, LimitHold(**about(2), until=LATER), LapseHold(**about(2), until=LATER))
    refused, told = after(lapsed, ConfirmPlaces(**about(2)))
    assert told == ["refused 2"]

    _, told = after(refused, ReleasePlaces(**about(3), cause="CLOSED"))

    assert told == ["released 3"]


def test_whoever_was_accepted_without_a_place_may_be_put_on_the_list_again() -> None:
    lapsed, _ = after(beds(1), a_hold(1), LapseHold(**about(1), until=LATER), a_hold(2))

    waiting, told = after(lapsed, ConfirmPlaces(**about(1)), WaitForPlaces(**about(1)))
    assert told == ["refused 1", "waitlisted 1"]

    assert after(waiting, ReleasePlaces(**about(2), cause="CLOSED"))[1] == ["released 2", "promoted 1", "exhausted"]


def test_the_receivers_choice_to_wait_gives_the_place_to_the_next() -> None:
    full, _ = after(beds(1), a_hold(1), a_hold(2))

    waiting, told = after(full, WaitForPlaces(**about(1)))

    assert told == ["released 1", "waitlisted 1", "promoted 2", "exhausted"]
    assert [party.referral_id.int for party in waiting.waiting] == [1]


def test_who_asks_before_the_directory_is_known_is_answered_when_it_is() -> None:
    unknown, told = after(Places(OFFER), a_hold(1), a_hold(2), ReleasePlaces(**about(2), cause="WITHDRAWN"))
    assert told == []

    _, told = after(unknown, PutPlaces(offer=OFFER, kind="bed_night", total=1))

    assert told == ["held 1", "exhausted"]


def test_fewer_places_take_none_from_those_who_have_them_and_more_go_to_those_who_wait() -> None:
    full, _ = after(beds(2), a_hold(1), a_hold(2), a_hold(3))

    fewer, told = after(full, PutPlaces(offer=OFFER, kind="bed_night", total=1, waitlist=True))
    assert (fewer.free, told) == (-1, [])

    more, told = after(fewer, PutPlaces(offer=OFFER, kind="bed_night", total=4, waitlist=True))
    assert (more.free, told) == (1, ["promoted 3"])


def test_a_closed_offer_gives_no_place_and_keeps_nobody_waiting_for_one() -> None:
    closed = replace(beds(), is_open=False)

    assert after(closed, a_hold(1))[1] == ["refused 1"]


def test_after_its_last_day_nobody_is_called_however_late_the_sweep_comes_and_who_waits_is_told_once() -> None:
    full, _ = after(replace(beds(1), closes_at=LATER), a_hold(1), a_hold(2))

    closed, told = after(full, ReleasePlaces(**about(1), cause="CLOSED"), a_hold(3), now=LATER)
    assert told == ["released 1", "refused 2", "refused 3"]

    assert after(closed, ClosePlaces(offer=OFFER), now=LATER) == (closed, [])


def test_what_the_sweep_says_of_a_day_that_was_moved_meanwhile_closes_nothing() -> None:
    later = replace(beds(1), closes_at=LATER + timedelta(days=1))

    assert after(later, ClosePlaces(offer=OFFER), now=LATER) == (later, [])


def test_holds_that_are_over_are_found_and_those_until_a_person_decides_never_are() -> None:
    places, _ = after(beds(), a_hold(1), a_hold(2, until=None))

    assert lapsing(places, LATER - timedelta(seconds=1)) == []
    assert [over.referral_id.int for over in lapsing(places, LATER)] == [1]
    assert places.next_until == LATER


def test_only_the_service_that_counts_a_kind_is_told_of_an_offer_and_none_of_one_without_a_limit() -> None:
    bed = Offer.model_validate(
        an_offer(OFFER, service="housing.emergency_bed").model_dump(by_alias=True)
        | {"capacity": {"kind": "bed_night", "total": 14}}
    )
    boundless = bed.model_copy(update={"capacity": bed.capacity.model_copy(update={"total": None})})

    put = asking.as_the_directory_says(bed, None, "housing")

    assert isinstance(put, PutPlaces)
    assert (put.offer, put.total, put.places_id) == (OFFER, 14, places_id(OFFER))
    assert asking.as_the_directory_says(bed, None, "programmes") is None
    assert asking.as_the_directory_says(boundless, None, "housing") is None


WORDS = ("hold", "hold", "confirm", "wait", "still", "limit", "rank", "lapse", "refuse", "release", "put")
STEPS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(1, 6), st.integers(1, 3)), max_size=40)


@settings(deadline=None)
@given(total=st.integers(0, 4), steps=STEPS)
def test_whatever_is_asked_no_more_is_taken_than_there_is_and_the_version_counts_what_was_said(
    total: int, steps: list[tuple[str, int, int]]
) -> None:
    places, versions = beds(total), list[int]()
    for word, n, size in steps:
        places, said = change(places, _command(word, n, size, total), NOW)
        told = [message for message in said if isinstance(message, PlacesEvent)]
        versions += sorted({message.version for message in told})

        assert places.free >= 0
        assert not told or (told[-1].free, told[-1].version) == (places.free, places.version)
        everybody = [*(taken.party for taken in places.taken), *places.waiting, *places.let_go]
        assert len(everybody) == len({party.referral_id for party in everybody}), "nobody has a place and waits as well"
    assert versions == list(range(1, places.version + 1))


def _command(word: str, n: int, size: int, total: int) -> Message:
    return {
        "hold": a_hold(n, places=size),
        "confirm": ConfirmPlaces(**about(n)),
        "wait": WaitForPlaces(**about(n)),
        "still": StillWait(**about(n)),
        "limit": LimitHold(**about(n), until=LATER + timedelta(hours=size)),
        "lapse": LapseHold(**about(n), until=LATER),
        "rank": RankPlaces(**about(n), priority=("EMERGENCY", "URGENT", "ROUTINE")[size - 1], until=LATER),
        "refuse": LapseHold(**about(n)),
        "release": ReleasePlaces(**about(n), cause="CLOSED"),
        "put": PutPlaces(offer=OFFER, kind="bed_night", total=total, waitlist=size > 1),
    }[word]
