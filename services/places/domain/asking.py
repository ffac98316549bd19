"""Which events of a referral ask for places, and for how many."""

from collections.abc import Callable
from typing import Any

from contracts import codes
from contracts.beside import ReferralPriorityChanged
from contracts.directory import Agency, Offer, closes_at
from contracts.events import (
    ReferralAccepted,
    ReferralEvent,
    ReferralInterestConfirmed,
    ReferralReopened,
    ReferralSeatLapsed,
    ReferralSeatOffered,
    ReferralSent,
    ReferralStarted,
    ReferralUnaccepted,
    ReferralWaitlisted,
)
from contracts.places import (
    ConfirmPlaces,
    HoldAgain,
    HoldPlaces,
    LapseHold,
    LimitHold,
    PutPlaces,
    RankPlaces,
    ReleasePlaces,
    StillWait,
    TakeAgain,
    WaitForPlaces,
)
from contracts.values import Message

Needed = Callable[[ReferralSent | ReferralReopened], int]
"""How many places a referral needs; what a place is differs by service."""


def as_the_directory_says(
    offer: Offer, agency: Agency | None, service: str, before: Offer | None = None
) -> Message | None:
    """None for an offer whose places are counted by another service, or by nobody; one whose places this service
    counted is closed until it counts them again: those it had are there for whoever has one, or goes on.

    agency: the offer's; None while the directory has not told of it, and then it is taken to work. before: what it said
    of the offer last, where it says something of it now.
    """
    capacity, waitlist = offer.capacity, offer.waitlist
    if capacity.total is None or not _counts(service, capacity.kind):
        was = before.capacity if before else capacity
        counted = was.total is not None and _counts(service, was.kind)
        return PutPlaces(offer=offer.code, kind=was.kind, total=was.total, is_open=False) if counted else None
    return PutPlaces(
        offer=offer.code,
        kind=capacity.kind,
        total=capacity.total,
        is_open=offer.status == "open" and (agency is None or agency.status == "active"),
        waitlist=waitlist.enabled,
        order_rule_version=waitlist.order_rule_version,
        closes_at=closes_at(offer, agency),
    )


def asked_by(event: ReferralEvent, service: str, needed: Needed) -> Message | None:
    """What an event of a referral asks of the places of its offer, if they are counted here."""
    kind = codes.codes("services")[event.service]["capacity_kind"]
    if event.offer is None or not _counts(service, kind):
        return None
    about = {"offer": event.offer, "referral_id": event.referral_id, "journey_id": event.journey_id}
    if _is_over(event.state) or _was_for_the_first_contact(event):
        return ReleasePlaces(**about, cause=event.state)
    simply = SIMPLY.get(type(event))
    return simply(**about) if simply else _asked(event, about, needed)


SIMPLY: dict[type[ReferralEvent], type[Message]] = {
    ReferralAccepted: ConfirmPlaces,
    ReferralInterestConfirmed: StillWait,
}


def _asked(event: ReferralEvent, about: dict[str, Any], needed: Needed) -> Message | None:
    match event:
        case ReferralSent(seat="asked", priority=priority, at=at, place_until=until):
            return HoldPlaces(**about, places=needed(event), priority=priority, sent_at=at, until=until)
        case ReferralUnaccepted(seat="held", place_until=until):
            return HoldAgain(**about, until=until)
        case ReferralReopened(seat="confirmed", priority=priority, at=at):
            return TakeAgain(**about, places=needed(event), priority=priority, sent_at=at)
        case ReferralWaitlisted(by="receiver"):
            return WaitForPlaces(**about)
        case ReferralSeatOffered(place_until=until) if until:
            return LimitHold(**about, until=until)
        case ReferralPriorityChanged(priority=priority, place_until=until):
            return RankPlaces(**about, priority=priority, until=until)
        case ReferralSeatLapsed(by="receiver", held_until=until):
            return LapseHold(**about, until=until, refused=True)
    return None


def _counts(service: str, kind: str) -> bool:
    return bool(codes.codes("services", "capacity_kinds")[kind]["provided_by"] == service)


def _was_for_the_first_contact(event: ReferralEvent) -> bool:
    return isinstance(event, ReferralStarted) and event.seat == "given_back"


def _is_over(state: str) -> bool:
    return bool(codes.codes("transitions", "states").get(state, {}).get("kind") == "terminal")
