"""Counted places of an offer (beds, slots, seats): what the service that counts them is asked, and what it says.

The messages are the same for every counting service; each asks them of itself, on its own commands topic.
"""

from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import computed_field

from contracts.values import Code, Message, Ref, Time

OFFERS = uuid5(NAMESPACE_URL, "staffetta:offers")


def places_id(offer: str) -> UUID:
    """The aggregate that holds the places of an offer, as a key that does not tell the service."""
    return uuid5(OFFERS, offer)


class OfOffer(Message):
    """A message about the places of one offer."""

    offer: Ref

    @computed_field
    @property
    def places_id(self) -> UUID:
        return places_id(self.offer)


class OfReferral(OfOffer):
    """One about the places of one referral there."""

    referral_id: UUID
    journey_id: UUID


# -- asked of the service that counts ----------------------------------------------------------------------------------


class PutPlaces(OfOffer):
    """How many places the directory says an offer has, and whether people may wait for one.

    is_open: it gives places now, and its agency works. closes_at: the midnight after its last day.
    """

    TYPE = "staffetta.places.put.v1"

    kind: Code
    total: int
    is_open: bool = True
    waitlist: bool = False
    order_rule_version: int | None = None
    closes_at: Time | None = None


class ClosePlaces(OfOffer):
    """The last day of the offer is over, unless the directory has said something else meanwhile."""

    TYPE = "staffetta.places.close.v1"


class HoldPlaces(OfReferral):
    """A referral was sent to the offer: hold so many places, all or none. until: None means until a person decides."""

    TYPE = "staffetta.places.hold.v1"

    places: int
    priority: Code
    sent_at: Time
    until: Time | None = None


class ConfirmPlaces(OfReferral):
    """The receiver takes the person: what is held is taken."""

    TYPE = "staffetta.places.confirm.v1"


class HoldAgain(OfReferral):
    """The receiver took its acceptance back: what was taken is held, until this instant (None: until one decides)."""

    TYPE = "staffetta.places.hold_again.v1"

    until: Time | None = None


class TakeAgain(OfReferral):
    """A referral goes on after its end: as many places are taken as it needs, all or none."""

    TYPE = "staffetta.places.take_again.v1"

    places: int
    priority: Code
    sent_at: Time


class WaitForPlaces(OfReferral):
    """The receiver puts the referral on the waitlist and gives back what was held."""

    TYPE = "staffetta.places.wait.v1"


class StillWait(OfReferral):
    """The person is still interested: a place that nobody else wants may be held for them once more."""

    TYPE = "staffetta.places.still_wait.v1"


class LimitHold(OfReferral):
    """Until when the head of the waitlist may take the place that is held for it."""

    TYPE = "staffetta.places.limit.v1"

    until: Time


class LapseHold(OfReferral):
    """A hold is over: its time has come, or the person refused the place.

    until: the time it was held to, which says which of the holds of this referral is meant; None, which only what was
    refused may say, is whichever it has.
    """

    TYPE = "staffetta.places.lapse.v1"

    until: Time | None = None
    refused: bool = False


class RankPlaces(OfReferral):
    """The referral has another priority: where it waits by that, and until when what is held for it is held.

    until: as in `HoldPlaces`. What was taken, and what is held for the head of the waitlist, stays as it is.
    """

    TYPE = "staffetta.places.rank.v1"

    priority: Code
    until: Time | None = None


class ReleasePlaces(OfReferral):
    """The referral has ended, or goes on without a place: what it held, took or waited for is given back.

    cause: its state.
    """

    TYPE = "staffetta.places.release.v1"

    cause: Code


# -- what it says ------------------------------------------------------------------------------------------------------


class PlacesEvent(OfOffer):
    """What every event about the places of an offer says; `free` is what is left after it."""

    version: int
    at: Time
    free: int


class CapacityEvent(PlacesEvent):
    """One that is about the places of one referral."""

    referral_id: UUID
    journey_id: UUID
    places: int


class CapacityHeld(CapacityEvent):
    """promoted: held for the head of the waitlist, and not because the referral was just sent."""

    TYPE = "staffetta.capacity.held.v1"

    until: Time | None
    promoted: bool
    order_rule_version: int | None


class CapacityConfirmed(CapacityEvent):
    TYPE = "staffetta.capacity.confirmed.v1"


class CapacityReleased(CapacityEvent):
    """cause: lapsed (its time was over), refused (by the person), waitlisted, or the referral's state: its last one, or
    IN_SERVICE where the place was for the first contact.
    """

    TYPE = "staffetta.capacity.released.v1"

    cause: Code


class CapacityRefused(CapacityEvent):
    """None is free and none can be waited for; also told of who waits, when no place will ever be free for them."""

    TYPE = "staffetta.capacity.refused.v1"


class CapacityWaitlisted(CapacityEvent):
    """position: counted from 1, when it joined."""

    TYPE = "staffetta.capacity.waitlisted.v1"

    position: int
    order_rule_version: int | None


class CapacityExhausted(PlacesEvent):
    TYPE = "staffetta.capacity.exhausted.v1"
