"""An appointment is for the first meeting: once the person was seen, their place is the next one's. A bed is not."""

from uuid import UUID

import pytest

from contracts.commands import NotePlace
from contracts.directory import Capacity, Offer, Waitlist
from contracts.events import ReferralReopened, ReferralStarted
from contracts.places import ReleasePlaces
from services.places.domain import asking
from services.programmes.domain import seats
from services.referral.domain import needs
from services.referral.domain.referral import Referral
from tests.builders import NOW, a_recorded_intake, an_agency, an_offer
from tests.domain.test_places_priority import SLOT, say
from tests.notices import an_event
from tests.offline import Offline

SEEN = {"first_contact_at": NOW, "contact_mode": "desk"}
BEDS = an_offer(
    service="housing.temporary",
    capacity=Capacity(kind="bed_night", total=1),
    waitlist=Waitlist(enabled=True),
)


def two_ask(offer: Offer) -> tuple[Offline, Referral, Referral]:
    """For the only place; the first is taken in and seen."""
    network = Offline((an_agency("pa.comune"), an_agency("pa.accura")), (offer,))
    for n in (1, 2):
        network.ask(a_recorded_intake(offer.service, intake_id=UUID(int=n), person_ref=f"p-{n}"))
    first, second = (needs.referral_id(UUID(int=n), 0) for n in (1, 2))
    say(network, first, "accept")
    say(network, first, "start", **SEEN)
    return network, network.referrals[first], network.referrals[second]


def taken(network: Offline) -> list[UUID]:
    """By whom the places of the offer are held or taken."""
    return [taken.party.referral_id for taken in network.places[SLOT.code].taken]


def test_who_was_seen_goes_on_without_a_place_and_the_next_one_is_called() -> None:
    network, first, second = two_ask(SLOT)

    assert (first.state, first.seat) == ("IN_SERVICE", "given_back")
    assert (second.state, second.seat) == ("WAITLISTED", "held")
    assert taken(network) == [second.referral_id]


def test_its_end_gives_back_nothing_that_is_not_its_own() -> None:
    network, first, second = two_ask(SLOT)

    say(network, first.referral_id, "hold", hold_reason="temporarily_away", review_date=NOW.date())
    say(network, first.referral_id, "close", closure_outcome="served_completed")

    assert network.referrals[first.referral_id].state == "CLOSED"
    assert taken(network) == [second.referral_id]


def test_who_goes_on_after_the_end_needs_no_appointment_anew() -> None:
    network, first, second = two_ask(SLOT)
    say(network, first.referral_id, "close", closure_outcome="served_completed")

    again = say(network, first.referral_id, "reopen", roles=("supervisor",), text_id=UUID(int=5))

    assert (again.state, again.seat) == ("IN_SERVICE", "given_back")
    assert taken(network) == [second.referral_id]
    assert "place_lost" not in [task.kind for task in network.tasks]


def test_a_bed_is_taken_until_the_end() -> None:
    network, first, second = two_ask(BEDS)
    assert (first.seat, second.seat) == ("confirmed", "waiting")

    say(network, first.referral_id, "close", closure_outcome="served_completed")

    assert network.referrals[second.referral_id].seat == "held"


def test_a_place_that_was_gone_is_looked_for_no_more_once_the_person_was_seen() -> None:
    network, first, _ = two_ask(SLOT)

    network.ask(NotePlace(referral_id=first.referral_id, answer="refused"))

    assert "place_lost" not in [task.kind for task in network.tasks]
    assert network.referrals[first.referral_id].seat == "given_back"


@pytest.mark.parametrize("seat", [None, "confirmed", "none", "lost"])
def test_one_that_was_started_before_appointments_were_given_back_keeps_its_place_to_the_end(seat: str | None) -> None:
    started = an_event(ReferralStarted, state="IN_SERVICE", seat=seat, **SEEN)

    assert asking.asked_by(started, "programmes", seats) is None


def test_only_what_the_referral_says_of_its_place_gives_it_back_or_takes_it_again() -> None:
    started = an_event(ReferralStarted, state="IN_SERVICE", seat="given_back", **SEEN)
    reopened = an_event(ReferralReopened, state="IN_SERVICE", seat="given_back")

    assert isinstance(asking.asked_by(started, "programmes", seats), ReleasePlaces)
    assert asking.asked_by(reopened, "programmes", seats) is None
