"""Which agencies are told of an event, and how much of it each may see."""

from uuid import UUID, uuid5

from contracts.contacts import ContactNoted
from contracts.events import (
    IntakeRecorded,
    ReferralCreated,
    ReferralEvent,
    ReferralRevoked,
    ReferralSeatHeld,
    ReferralSeatOffered,
    ReferralSent,
    RoutingDecided,
)
from contracts.feeds import (
    SAYS_WHO_IS_EXCLUDED,
    TOLD_TO_NOBODY,
    WITHHELD_FROM_ALL,
    WITHHELD_FROM_RECEIVER,
    IntakeRecordedForSender,
    ReferralSentToReceiver,
    SeatOfferedToReceiver,
)
from contracts.identity import DuplicateEvent, IdentityEvent
from contracts.journeys import JourneyEvent, TaskEvent
from contracts.sharing import SharingEvent
from contracts.values import Message

TOLD_AS = {"recipient_excluded": "consent_withdrawn"}
"""Why a referral was revoked, as its receiver reads it: whom a person fears does not learn that they excluded it."""


def copies(event: Message) -> dict[str, Message]:
    """The event as each agency may see it; none sees whom the person excluded."""
    if isinstance(event, SAYS_WHO_IS_EXCLUDED):
        return _copies(event.model_copy(update={"coordination_withheld": False}))
    return _copies(event)


def _copies(event: Message) -> dict[str, Message]:
    """A sender that is its own receiver is told once, and all of it.

    A receiver hears of a referral as `referral.sent`, when its place is held or when nobody counts places; and of one
    that ends before, nothing.
    """
    match event:
        case _ if isinstance(event, TOLD_TO_NOBODY):
            return {}
        case IntakeRecorded():
            return {event.sender_agency: _for_sender(event)}
        case ReferralSent(seat="asked") | ReferralSeatHeld() if event.sender_agency == event.receiver_agency:
            return {event.sender_agency: ReferralSent(**event.model_dump())} if event.seat == "held" else {}
        case SharingEvent() | DuplicateEvent() | IdentityEvent() | ContactNoted():
            return {event.sender_agency: event}
        case RoutingDecided() | ReferralCreated() | JourneyEvent() | ReferralSent(seat="asked"):
            return {event.sender_agency: event}
        case ReferralEvent():
            told = event.receiver_agency if event.receiver_told else None
            return ({told: _for_receiver(event)} if told else {}) | {event.sender_agency: event}
        case TaskEvent():
            return {event.agency: event}
        case _:
            return {}


def _for_sender(event: IntakeRecorded) -> Message:
    return IntakeRecordedForSender(**event.model_dump(exclude=set(WITHHELD_FROM_ALL)))


def _for_receiver(event: ReferralEvent) -> Message:
    if isinstance(event, ReferralSeatOffered):
        return SeatOfferedToReceiver(**event.model_dump(exclude=set(WITHHELD_FROM_RECEIVER)))
    if isinstance(event, ReferralSent):
        return ReferralSentToReceiver(**event.model_dump(exclude=set(WITHHELD_FROM_RECEIVER)))
    if isinstance(event, ReferralRevoked) and event.revoke_cause in TOLD_AS:
        return event.model_copy(update={"revoke_cause": TOLD_AS[event.revoke_cause]})
    return event


def feed_id(event_id: UUID, agency: str) -> UUID:
    """The id of an event on one agency's feed: the same however often it is told, so that repeats can be dropped."""
    return uuid5(event_id, agency)
