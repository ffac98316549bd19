"""What is said of a referral that goes on as it is: contacts, appointments, receipts and timers."""

from uuid import UUID

from contracts.events import ReferralEvent
from contracts.values import Code, Ref, Time, Unspoken


class ReferralWorkerAssigned(ReferralEvent):
    TYPE = "staffetta.referral.worker_assigned.v1"

    assigned_worker: Ref


class ReferralNoteAdded(ReferralEvent):
    TYPE = "staffetta.referral.note_added.v1"

    text_id: UUID


class ReferralPriorityChanged(ReferralEvent):
    """From `priority_before` to the priority that every event of a referral says; a place is held until `place_until`
    now. By the network, without a text, when the person is asked for again and more urgently.
    """

    TYPE = "staffetta.referral.priority_changed.v1"

    priority_before: Code
    place_until: Time | None = None
    text_id: UUID | None = None


class ReferralContactAttempted(ReferralEvent):
    """attempts: how many were recorded, with this one."""

    TYPE = "staffetta.referral.contact_attempted.v1"

    channel: Code
    result: Code
    attempts: int
    text_id: UUID | None = None


class AppointmentEvent(ReferralEvent):
    """appointment: counted from 1 for each referral."""

    appointment: int
    starts_at: Time


class AppointmentScheduled(AppointmentEvent):
    """second_slot: after a no-show."""

    TYPE = "staffetta.appointment.scheduled.v1"

    second_slot: bool


class AppointmentAttended(AppointmentEvent):
    """count: of all that the person came to."""

    TYPE = "staffetta.appointment.attended.v1"

    count: int


class AppointmentNoShow(AppointmentEvent):
    """count: of all that the person did not come to."""

    TYPE = "staffetta.appointment.no_show.v1"

    count: int


class AppointmentCancelled(AppointmentEvent):
    TYPE = "staffetta.appointment.cancelled.v1"


class ReceiptEvent(ReferralEvent):
    """What every event of a receipt says. obligation: which one the receiver owes (`transitions.json`)."""

    obligation: Code


class ReceiptRequested(ReceiptEvent):
    TYPE = "staffetta.receipt.requested.v1"

    receipt_due_at: Time


class ReceiptConfirmed(ReceiptEvent):
    TYPE = "staffetta.receipt.confirmed.v1"


class ReceiptOverdue(ReceiptEvent):
    """It is late, and is told so again after as long a time until it comes."""

    TYPE = "staffetta.receipt.overdue.v1"

    receipt_due_at: Time


# -- timers of a referral ----------------------------------------------------------------------------------------------


class TimerEvent(ReferralEvent):
    """What every event of a timer says: which of the referral's (`transitions.json`)."""

    timer: Code


class TimerStarted(TimerEvent):
    """It began, or began anew, in full. timer_due_at: its 100 percent; policy: the version of `priorities.json`."""

    TYPE = "staffetta.timer.started.v1"

    timer_due_at: Time
    policy: Ref


class TimerCleared(TimerEvent):
    TYPE = "staffetta.timer.cleared.v1"


class TimerFired(TimerEvent):
    """So many percent of its limit are over and nobody did it. level: of the ladder; notify: whom that level tells.

    coordination_withheld: the person excluded who coordinates, who is not told then (on no feed).
    """

    TYPE = "staffetta.timer.fired.v1"

    percent: int
    level: int
    notify: tuple[Code, ...]
    coordination_withheld: Unspoken = False


class ReferralEscalated(TimerEvent):
    """A timer has reached a higher level of the ladder: it fired, or who coordinates the city raised it.

    notify: whom that level tells, where a person raised it; else the step that fired says so. coordination_withheld: as
    of `timer.fired`.
    """

    TYPE = "staffetta.referral.escalated.v1"

    level: int
    notify: tuple[Code, ...] = ()
    coordination_withheld: Unspoken = False
