"""Which events are told to whom: to the receiver's queue that it is asked, to the sender's queue every answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

from contracts import codes
from contracts.events import (
    ReceiptConfirmed,
    ReceiptOverdue,
    ReceiptRequested,
    ReferralAccepted,
    ReferralAcknowledged,
    ReferralClosed,
    ReferralCreated,
    ReferralDeclined,
    ReferralEvent,
    ReferralInterestConfirmed,
    ReferralRerouted,
    ReferralRevoked,
    ReferralSeatHeld,
    ReferralSeatLapsed,
    ReferralSeatOffered,
    ReferralSent,
    ReferralStarted,
    ReferralWaitlisted,
    ReferralWithdrawn,
    RoutingDecided,
    TaskOpened,
)
from contracts.notifications import Notice, TellQueue, public_code
from contracts.values import Message

Side = Literal["receiver", "sender"]


@dataclass(frozen=True, slots=True)
class Row:
    """An event that is told to one side. unless: a field with the value that it must not have."""

    event: type[ReferralEvent]
    side: Side
    about: str
    unless: tuple[str, str] = ("", "")


TOLD = (
    Row(ReferralSent, "receiver", "new", unless=("seat", "asked")),
    Row(ReferralSeatHeld, "receiver", "new"),
    Row(ReferralSeatOffered, "receiver", "seat_offered"),
    Row(ReferralSeatOffered, "sender", "seat_offered"),
    Row(ReferralAccepted, "sender", "accepted"),
    Row(ReferralDeclined, "sender", "declined"),
    Row(ReferralRerouted, "sender", "rerouted"),
    Row(ReferralWaitlisted, "sender", "waitlisted"),
    Row(ReferralSeatLapsed, "sender", "seat_lapsed"),
    Row(ReferralStarted, "sender", "started"),
    Row(ReferralClosed, "sender", "closed"),
    Row(ReferralWithdrawn, "sender", "withdrawn", unless=("by", "sender")),
    Row(ReferralWithdrawn, "receiver", "withdrawn", unless=("by", "receiver")),
    Row(ReferralRevoked, "sender", "revoked"),
    Row(ReferralRevoked, "receiver", "to_delete"),
    Row(ReceiptOverdue, "receiver", "receipt_overdue"),
    Row(ReceiptOverdue, "sender", "receipt_overdue"),
)
"""Every event of a referral (`events.json`) that asks somebody or answers; at most one row for each side.

A receiver hears of a referral when its place is held or when nobody counts places, as on its feed.
"""

UNTOLD = frozenset(
    {RoutingDecided, ReferralCreated, ReferralAcknowledged, ReferralInterestConfirmed, ReceiptRequested,
     ReceiptConfirmed}
)  # fmt: skip
"""What nobody has to act on: how it was routed, a draft, that it was seen, that the person still waits, that a receipt
came; and what comes with an event that is told: that one is owed.
"""

NOBODY_ANSWERED = "sender_decides"
"""The next step of a task that no answer has opened: nobody was found, or what the need leaned on has ended."""


def tell(event: Message, event_id: UUID, city: str | None) -> list[TellQueue]:
    """The notices that an event makes, each with an id that follows from it. city: the sender's."""
    match event:
        case ReferralEvent():
            return [
                _notice(event, event_id, city, queue=queue, agency=agency, about=about)
                for queue, agency, about in _told(event)
            ]
        case TaskOpened(next=step, queue=queue, agency=agency) if step == NOBODY_ANSWERED and event.referral_id:
            return [_notice(event, event_id, city, queue=queue, agency=agency, about="decide")]
    return []


def _told(event: ReferralEvent) -> Iterator[tuple[str, str, str]]:
    """(queue, its agency, about). One desk on both sides is told once, and not of what it did itself."""
    alone = event.sender_queue == event.receiver_queue
    if alone and event.by in ("sender", "receiver"):
        return
    for row in TOLD:
        name, value = row.unless
        if row.event is type(event) and not (name and getattr(event, name) == value):
            sides = {"receiver": (event.receiver_queue, event.receiver_agency),
                     "sender": (event.sender_queue, event.sender_agency)}  # fmt: skip
            queue, agency = sides[row.side]
            if queue and agency:
                yield queue, agency, row.about
                if alone:
                    return


def _notice(
    event: ReferralEvent | TaskOpened, event_id: UUID, city: str | None, *, queue: str, agency: str, about: str
) -> TellQueue:
    referral_id = event.referral_id
    assert referral_id is not None, "what is told is about a referral"
    notice = Notice(
        notification_id=uuid5(event_id, queue),
        about=about,
        referral_id=referral_id,
        journey_id=event.journey_id,
        code=public_code(referral_id, city),
        service=codes.bus_code(event.service),
        at=event.at,
    )
    return TellQueue(queue=queue, agency=agency, notice=notice)
