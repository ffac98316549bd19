"""Answers about a place that cross with what people do meanwhile: none stops a referral, and none is forgotten."""

from datetime import timedelta
from uuid import UUID

from contracts.directory import Capacity, Waitlist
from contracts.events import ReferralEvent
from contracts.places import LapseHold, StillWait
from services.referral.domain.referral import Referral
from tests.builders import an_agency, an_offer
from tests.domain.test_places_priority import a_network, ask, places, say
from tests.offline import INSIDE, Offline

ALONE = ("referral",)


def while_nobody_counts(network: Offline, referral_id: UUID, command: str, **fields: object) -> ReferralEvent:
    """What is said to referral before the service that counts has heard of it; returns what that has yet to hear."""
    network.services, before = ALONE, len(network.said)
    say(network, referral_id, command, **fields)
    network.services = INSIDE
    return next(event for event in network.said[before:] if isinstance(event, ReferralEvent))


def its_time_is_over(network: Offline, referral_id: UUID) -> None:
    """A minute after the end of what is held for it, as the sweep finds it."""
    (held,) = (taken for taken in places(network).taken if taken.party.referral_id == referral_id)
    assert held.until
    network.now = held.until + timedelta(minutes=1)
    over = {"offer": places(network).offer, "referral_id": referral_id, "journey_id": held.party.journey_id}
    network.ask(LapseHold(**over, until=held.until), of="programmes")


def one(network: Offline, referral_id: UUID) -> Referral:
    return network.referrals[referral_id]


def test_a_place_that_its_receiver_lets_go_as_its_time_ends_is_let_go_once() -> None:
    network = a_network()
    has_it, waits = ask(network, 1), ask(network, 2)
    say(network, has_it, "decline", decline_reason="person_refused")

    late = while_nobody_counts(network, waits, "lapse_seat", lapse_cause="person_refused")
    its_time_is_over(network, waits)
    network.ask(late)

    assert (one(network, waits).state, one(network, waits).seat) == ("WAITLISTED", "waiting")
    assert [party.referral_id for party in places(network).waiting] == [waits]
    assert say(network, waits, "decline", decline_reason="person_refused").state == "DECLINED"


def held_again_before_it_is_heard(network: Offline) -> tuple[UUID, ReferralEvent]:
    """A receiver lets a place go that was over by then, and the place is held for the same person again; returns what
    the service that counts has yet to hear.
    """
    has_it, waits = ask(network, 1), ask(network, 2)
    say(network, has_it, "decline", decline_reason="person_refused")
    late = while_nobody_counts(network, waits, "lapse_seat", lapse_cause="person_refused")
    its_time_is_over(network, waits)
    about = {"offer": places(network).offer, "referral_id": has_it, "journey_id": late.journey_id}
    network.ask(StillWait(**about), of="programmes")
    assert one(network, waits).seat == "held"
    return waits, late


def test_what_a_receiver_said_of_one_hold_ends_no_other() -> None:
    network = a_network()
    waits, late = held_again_before_it_is_heard(network)

    network.ask(late)

    assert [taken.until for taken in places(network).taken] == [one(network, waits).seat_until]
    assert say(network, waits, "confirm_seat").state == "ACCEPTED"


def test_a_hold_that_is_ended_by_whoever_names_none_is_not_left_with_its_referral() -> None:
    """As receivers' words were passed on before they named one."""
    network = a_network()
    waits, late = held_again_before_it_is_heard(network)
    about = {"offer": places(network).offer, "referral_id": waits, "journey_id": late.journey_id}

    network.ask(LapseHold(**about), of="programmes")
    assert (one(network, waits).seat, places(network).taken) == ("waiting", ())
    network.ask(StillWait(**about), of="programmes")

    assert say(network, waits, "confirm_seat").state == "ACCEPTED"


def test_who_is_put_on_the_list_as_the_hold_ends_waits_there() -> None:
    network = a_network()
    referral_id = ask(network, 1, "URGENT")
    say(network, referral_id, "accept")
    say(network, referral_id, "unaccept")

    late = while_nobody_counts(network, referral_id, "waitlist")
    its_time_is_over(network, referral_id)
    network.ask(late)

    assert (one(network, referral_id).state, one(network, referral_id).seat) == ("WAITLISTED", "waiting")
    assert [party.referral_id for party in places(network).waiting] == [referral_id]


def test_nobody_is_put_on_a_list_by_a_receiver_who_was_not_told_of_them_yet() -> None:
    """The service that counts may have put them there already, or hold a place for them."""
    network = a_network()
    network.services = ALONE
    asked = ask(network, 1)

    assert say(network, asked, "waitlist").state == "REQUESTED"


def test_who_becomes_an_emergency_before_it_is_known_that_there_is_no_place_is_asked_for_elsewhere() -> None:
    network = a_network()
    ask(network, 1)
    network.services = ALONE
    becomes_one = ask(network, 2)
    sent = next(event for event in reversed(network.said) if event.TYPE.endswith("referral.sent.v1"))
    changed = while_nobody_counts(network, becomes_one, "change_priority", priority="EMERGENCY")

    network.ask(sent)
    network.ask(changed)

    assert (one(network, becomes_one).state, places(network).waiting) == ("DECLINED", ())
    assert [task.kind for task in network.tasks] == ["no_candidate"]


def test_of_an_offer_whose_places_nobody_counts_none_is_asked_for_whatever_their_number() -> None:
    offer = an_offer(capacity=Capacity(kind="none", total=5))
    network = Offline((an_agency("pa.comune"), an_agency("pa.accura")), (offer,))

    referral_id = ask(network, 1)

    assert one(network, referral_id).seat == "none", "else its receiver would wait to be told for ever"
    assert say(network, referral_id, "accept").state == "ACCEPTED"


def test_a_list_of_which_the_directory_names_no_version_moves_on_like_any_other() -> None:
    offer = an_offer(capacity=Capacity(kind="appointment_slot", total=1), waitlist=Waitlist(enabled=True))
    network = Offline((an_agency("pa.comune"), an_agency("pa.accura")), (offer,))
    has_it, waits = ask(network, 1), ask(network, 2)

    say(network, has_it, "decline", decline_reason="person_refused")

    assert one(network, waits).seat == "held"
    assert say(network, waits, "confirm_seat").state == "ACCEPTED"
