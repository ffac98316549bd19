"""Which events are told to whom: to the receiver's queue that it is asked, to the sender's queue every answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

from contracts import codes
from contracts.beside import (
    AppointmentAttended,
    AppointmentCancelled,
    AppointmentNoShow,
    AppointmentScheduled,
    ReceiptConfirmed,
    ReceiptOverdue,
    ReceiptRequested,
    ReferralContactAttempted,
    ReferralEscalated,
    ReferralNoteAdded,
    ReferralPriorityChanged,
    ReferralWorkerAssigned,
    TimerCleared,
    TimerFired,
    TimerStarted,
)
from contracts.contacts import ReferralContactNoted
from contracts.erasure import ReferralPersonErased
from contracts.events import (
    ReferralAccepted,
    ReferralAcknowledged,
    ReferralClosed,
    ReferralCreated,
    ReferralDeclined,
    ReferralEnteredInError,
    ReferralEvent,
    ReferralExpired,
    ReferralFlaggedInError,
    ReferralHeld,
    ReferralHoldRenewed,
    ReferralInterestConfirmed,
    ReferralReopened,
    ReferralRerouted,
    ReferralResumed,
    ReferralRevoked,
    ReferralSeatHeld,
    ReferralSeatLapsed,
    ReferralSeatOffered,
    ReferralSent,
    ReferralStarted,
    ReferralUnaccepted,
    ReferralUpdated,
    ReferralWaitlisted,
    ReferralWithdrawn,
    RoutingDecided,
)
from contracts.journeys import TaskOpened, TaskOverdue, TaskReminded
from contracts.notifications import DropNotices, Notice, TellQueue, public_code
from contracts.values import Message
from services.notifications.domain import climbing
from services.notifications.domain.climbing import ESCALATED, LATE, RAISED, TASK_LATE, TO_CONFIRM, Lead

Side = Literal["receiver", "sender", "receiver_supervisor"]


@dataclass(frozen=True, slots=True)
class Row:
    """An event that is told to one side. unless: a field with the value that it must not have."""

    event: type[ReferralEvent]
    side: Side
    about: str
    unless: tuple[str, str | None] = ("", "")


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
    Row(ReferralExpired, "sender", "expired"),
    Row(ReferralExpired, "receiver_supervisor", "expired"),
    Row(ReferralStarted, "sender", "started"),
    Row(ReferralClosed, "sender", "closed"),
    Row(ReferralWithdrawn, "sender", "withdrawn", unless=("by", "sender")),
    Row(ReferralWithdrawn, "receiver", "withdrawn", unless=("by", "receiver")),
    Row(ReferralUnaccepted, "sender", "unaccepted"),
    Row(ReferralUpdated, "sender", "updated"),
    Row(ReferralHeld, "sender", "held"),
    Row(ReferralHoldRenewed, "sender", "held"),
    Row(ReferralResumed, "sender", "resumed"),
    Row(ReferralReopened, "sender", "reopened"),
    Row(ReferralEnteredInError, "sender", "in_error", unless=("by", "sender")),
    Row(ReferralEnteredInError, "receiver", "in_error"),
    Row(ReferralFlaggedInError, "sender", "in_error"),
    Row(ReferralNoteAdded, "sender", "note", unless=("by", "sender")),
    Row(ReferralNoteAdded, "receiver", "note", unless=("by", "receiver")),
    Row(ReferralPriorityChanged, "sender", "priority", unless=("by", "sender")),
    Row(ReferralPriorityChanged, "receiver", "priority"),
    Row(ReferralContactNoted, "receiver", "contact"),
    Row(AppointmentScheduled, "sender", "appointment"),
    Row(AppointmentCancelled, "sender", "no_appointment"),
    Row(AppointmentNoShow, "sender", "no_show"),
    Row(ReferralRevoked, "sender", "revoked"),
    Row(ReferralRevoked, "receiver", "to_delete"),
    Row(ReferralPersonErased, "receiver", "erased", unless=("obligation", None)),
    Row(ReceiptOverdue, "receiver", "receipt_overdue"),
    Row(ReceiptOverdue, "sender", "receipt_overdue"),
)
"""Every event of a referral (`events.json`) that asks somebody or answers; at most one row for each side.

A receiver hears of a referral when its place is held or when nobody counts places, as on its feed, and before nothing.
"""

BY_LADDER = frozenset({TimerFired, ReferralEscalated})
"""Told to those that the step names, or the level to which a person raised it (`climbing`)."""

UNTOLD = frozenset(
    {
        RoutingDecided, ReferralCreated, ReferralAcknowledged, ReferralInterestConfirmed, ReferralWorkerAssigned,
        ReferralContactAttempted, AppointmentAttended, ReceiptRequested, ReceiptConfirmed,
        TimerStarted, TimerCleared,
    }
)  # fmt: skip
"""What nobody has to act on: how it was routed, a draft, that it was seen, that the person still waits, who has it,
that somebody called or came; a receipt, which is owed for what is told already; that a timer began or was cleared.
"""

PAGED = frozenset({"new", "priority", "declined", "decide", LATE, ESCALATED, RAISED, TASK_LATE})
"""What a person is called for at once, where the priority pages."""

TOLD_OF_TASKS = frozenset({"sender_decides", "coordinator_review"})
"""The next steps of tasks whose owner no answer reaches: nobody was found, or what the need leaned on has ended; what
only the coordination may look at.
"""
SUPERVISED = "confirm_vital_interest"
"""The next step of a task that only a supervisor can take: their own mailbox is told beside the desk's."""


def tell(event: Message, event_id: UUID, city: str | None, lead: Lead | None = None) -> list[TellQueue]:
    """The notices that an event makes, each with an id that follows from it. city: the sender's, for an event of an
    earlier release, which does not say what the referral is called.

    lead: who coordinates the city where it lies, for a step of a ladder and for an end.
    """
    match event:
        case ReferralEvent() | TaskReminded() | TaskOverdue():
            told = climbing.told(event, lead) if isinstance(event, climbing.Step) else _told(event, lead)
            return [
                _notice(event, event_id, city, queue=queue, agency=agency, about=about) for queue, agency, about in told
            ]
        case TaskOpened(next=step, queue=queue, agency=agency) if step in TOLD_OF_TASKS and event.referral_id:
            return [_notice(event, event_id, city, queue=queue, agency=agency, about="decide")]
        case TaskOpened(next=step, queue=queue, agency=agency) if step == SUPERVISED and event.referral_id:
            return [_notice(event, event_id, city, queue=b, agency=agency, about=TO_CONFIRM) for b in (queue, agency)]
    return []


def drop(event: Message, told: Iterable[TellQueue]) -> list[DropNotices]:
    """Of a referral that should never have been both sides and their supervisors are told no more what was still to be
    told, who marked it so too.
    """
    if not isinstance(event, ReferralEnteredInError | ReferralFlaggedInError):
        return []
    known = {command.queue for command in told}
    both = (event.sender_queue, event.sender_agency, event.receiver_queue, event.receiver_agency)
    left = [queue for queue in dict.fromkeys(both) if queue and queue not in known]
    return [DropNotices(queue=queue, referral_id=event.referral_id) for queue in left]


def _told(event: ReferralEvent, lead: Lead | None) -> Iterator[tuple[str, str, str]]:
    """(queue, its agency, about), each queue once."""
    yield from _of_sides(event)
    if lead and _is_for_its_city(event) and lead.queue not in (event.sender_queue, event.receiver_queue):
        yield lead.queue, lead.agency, "closed"


def _is_for_its_city(event: ReferralEvent) -> bool:
    """An end of which the coordination is told, too (`closure_outcomes.json`), unless the person excluded it."""
    if not isinstance(event, ReferralClosed) or event.coordination_withheld:
        return False
    return bool(codes.codes("closure_outcomes")[event.closure_outcome]["notify_coordinator"])


def _of_sides(event: ReferralEvent) -> Iterator[tuple[str, str, str]]:
    """One desk on both sides is told once, and not of what it did itself."""
    alone = event.sender_queue == event.receiver_queue
    if alone and event.by in ("sender", "receiver"):
        return
    for row in TOLD:
        name, value = row.unless
        if row.event is type(event) and not (name and getattr(event, name) == value):
            sides = {"receiver": (event.receiver_queue, event.receiver_agency),
                     "receiver_supervisor": (event.receiver_agency, event.receiver_agency),
                     "sender": (event.sender_queue, event.sender_agency)}  # fmt: skip
            queue, agency = sides[row.side]
            if queue and agency and (row.side == "sender" or event.receiver_told):
                yield queue, agency, row.about
                if alone:
                    return


def _notice(
    event: ReferralEvent | TaskOpened | climbing.OfTask,
    event_id: UUID,
    city: str | None,
    *,
    queue: str,
    agency: str,
    about: str,
) -> TellQueue:
    of_referral = event.referral_id and (event.code or public_code(event.referral_id, city))
    notice = Notice(
        notification_id=uuid5(event_id, queue),
        about=about,
        referral_id=event.referral_id,
        journey_id=event.journey_id,
        code=of_referral,
        service=codes.bus_code(event.service),
        at=event.at,
        pages=about in PAGED and _pages(event.priority) and not _asks_nothing(event),
    )
    return TellQueue(queue=queue, agency=agency, notice=notice)


def _pages(priority: str | None) -> bool:
    return bool(codes.codes("priorities").get(priority or "", {}).get("pages"))


def _asks_nothing(event: Message) -> bool:
    """A decline after which another agency is asked, whose task is told, or that leans on what serves the person."""
    if not isinstance(event, ReferralDeclined):
        return False
    reason = codes.codes("decline_reasons").get(event.decline_reason, {})
    return bool(reason.get("auto_reroute")) or event.next in TOLD_OF_TASKS or event.linked_referral_id is not None
