"""What happened, said on the topic of the aggregate it happened to; and the answers to commands."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import computed_field

from contracts.values import AgencyCode, Asked, Code, Message, PersonFacts, Ref, ServiceAsked, SharingBasis, Time, Value

# -- answers ----------------------------------------------------------------------------------------------------------


class Answer(Message):
    """What became of a command, to who asked for it; `command_id` is its name as the agency sent it."""

    asked: Asked

    @computed_field  # type: ignore[prop-decorator]
    @property
    def command_id(self) -> str | None:
        return self.asked.command_id


class CommandAccepted(Answer):
    """A command was carried out. `subject` is the aggregate it was about, `version` that aggregate's after it."""

    TYPE = "staffetta.command.accepted.v1"

    subject: str
    version: int = 0
    state: Code | None = None
    flags: tuple[Code, ...] = ()
    intake_id: UUID | None = None
    linked_referral_id: UUID | None = None


class CommandRejected(Answer):
    """A command was refused and changed nothing; `code` is one of `rejection_codes.json`, no input is echoed.

    `pointer` is a JSON pointer into the command, `state` and `version` the current ones of a referral,
    `place` where unreadable bytes lie, `allowed` what would be taken instead.
    """

    TYPE = "staffetta.command.rejected.v1"

    code: Code
    pointer: str | None = None
    message: str
    subject: str | None = None
    state: Code | None = None
    version: int | None = None
    successor_id: UUID | None = None
    successor_agency: AgencyCode | None = None
    allowed: tuple[str, ...] = ()
    place: str | None = None


# -- intakes ----------------------------------------------------------------------------------------------------------


class IntakeRecorded(Message):
    """An intake passed the rules and is stored: exactly the tier 0 fields of `sharing.json`, with a pseudonym."""

    TYPE = "staffetta.intake.recorded.v1"

    intake_id: UUID
    occurred_at: Time
    person_ref: str
    city_of_intake: Code
    city_of_presence: Code
    sender_agency: AgencyCode
    sender_queue: Ref
    sender_ref: Ref | None
    intake_channel: Code | None
    age_band: Code
    gender: Code
    household: Code
    household_size: int | None
    language: Code | None
    other_languages: tuple[Code, ...]
    interpreter_needed: bool | None
    accessibility: tuple[Code, ...]
    third_country_national: bool | None
    in_reception: bool | None
    priority: Code | None
    priority_reason: str | None
    services: tuple[ServiceAsked, ...]
    willing_to_travel: tuple[Code, ...]
    withhold: tuple[AgencyCode, ...]
    sharing_basis: tuple[SharingBasis, ...]


class SharingEvent(Message):
    """What every event of an intake's sharing bases says: all of them as they are now, and which it is about.

    version: of the intake, 1 when it was recorded; basis_ids: what its sender calls them.
    """

    intake_id: UUID
    version: int
    at: Time
    sender_agency: AgencyCode
    basis_ids: tuple[Ref, ...]
    sharing_basis: tuple[SharingBasis, ...]


class ConsentWithdrawn(SharingEvent):
    """revoke_cause: a code of `withdraw_reasons.json`."""

    TYPE = "staffetta.consent.withdrawn.v1"

    revoke_cause: Code


class SharingBasisExpired(SharingEvent):
    TYPE = "staffetta.sharing_basis.expired.v1"


class SharingBasisGiven(SharingEvent):
    """A further basis, a refusal, or new dates."""

    TYPE = "staffetta.sharing_basis.given.v1"


# -- referrals --------------------------------------------------------------------------------------------------------


class ReferralEvent(Message):
    """What every event of a referral says: whose it is, where it stands after it, who owns it and until when.

    code: what people call it (`contracts.notifications.public_code`).
    """

    referral_id: UUID
    code: Ref | None = None
    journey_id: UUID
    version: int
    at: Time
    by: Code
    state: Code
    service: Code
    priority: Code
    sender_agency: AgencyCode
    sender_queue: Ref
    receiver_agency: AgencyCode | None
    receiver_queue: Ref | None
    offer: Ref | None
    hop: int
    predecessor_id: UUID | None
    owner: Ref | None
    due_at: Time | None


class Verdict(Value):
    """What routing found for one offer: yes, to_check or out, the filter that put it out, each rule's answer."""

    offer: Ref
    agency: AgencyCode
    verdict: Code
    out_by: Code | None = None
    rules: tuple[tuple[str, str], ...] = ()
    order: tuple[Any, ...] = ()


class RoutingDecided(ReferralEvent):
    """The order of the admitted offers, the one chosen, and why each other was not; those out by area are counted.

    When the person has an open referral to the chosen offer already (`linked_referral_id`), no referral is opened:
    then version is 0, state LINKED, and there is neither receiver nor owner.
    """

    TYPE = "staffetta.routing.decided.v1"

    rule_set: Code
    candidates: tuple[Verdict, ...]
    out: tuple[Verdict, ...]
    out_by_area: int = 0
    linked_referral_id: UUID | None = None


class ReferralCreated(ReferralEvent):
    TYPE = "staffetta.referral.created.v1"

    depends_on: Code | None = None


class ReferralSent(ReferralEvent):
    """The receiver is asked. seat: none (nobody counts the places of this offer), asked or held; a receiver is told
    when none is asked for, or once it is held (`place_until`). `sender_ref` is left out of every feed but the sender's.
    """

    TYPE = "staffetta.referral.sent.v1"

    person_ref: str
    person: PersonFacts
    reply_by: Time
    rule_set: Code
    seat: Code
    place_until: Time | None = None
    sender_ref: Ref | None = None
    priority_reason: str | None = None


class ReferralSeatHeld(ReferralSent):
    """The place that was asked for when the referral was sent is held: now the receiver is told."""

    TYPE = "staffetta.referral.seat_held.v1"


class ReferralSeatOffered(ReferralSent):
    """A place is held for the head of the waitlist, until `place_until`."""

    TYPE = "staffetta.referral.seat_offered.v1"


class ReferralWaitlisted(ReferralEvent):
    """position: counted from 1, when it joined; None while the receiver's own choice is being noted."""

    TYPE = "staffetta.referral.waitlisted.v1"

    position: int | None = None
    order_rule_version: int | None = None


class ReferralSeatLapsed(ReferralEvent):
    """lapse_cause: lapsed (its time was over) or what the receiver states."""

    TYPE = "staffetta.referral.seat_lapsed.v1"

    lapse_cause: Code


class ReferralInterestConfirmed(ReferralEvent):
    TYPE = "staffetta.referral.interest_confirmed.v1"


class ReferralAcknowledged(ReferralEvent):
    TYPE = "staffetta.referral.acknowledged.v1"

    phone_call_recorded_at: Time | None = None


class ReferralAccepted(ReferralEvent):
    TYPE = "staffetta.referral.accepted.v1"

    assigned_worker: Ref | None = None


class ReferralDeclined(ReferralEvent):
    TYPE = "staffetta.referral.declined.v1"

    decline_reason: Code
    next: Code
    failed_rule: Code | None = None
    documents: tuple[Code, ...] | None = None
    linked_referral_id: UUID | None = None
    text_id: UUID | None = None


class ReferralRerouted(ReferralEvent):
    TYPE = "staffetta.referral.rerouted.v1"

    decline_reason: Code
    next_agency: AgencyCode
    failed_rule: Code | None = None
    text_id: UUID | None = None


class ReferralExpired(ReferralEvent):
    """Nobody answered within twice the limit of this timer; the next candidate is asked."""

    TYPE = "staffetta.referral.expired.v1"

    timer: Code
    escalation_level: int


class ReferralStarted(ReferralEvent):
    TYPE = "staffetta.referral.started.v1"

    first_contact_at: Time
    contact_mode: Code


class ReferralClosed(ReferralEvent):
    TYPE = "staffetta.referral.closed.v1"

    closure_outcome: Code
    served: bool
    text_id: UUID | None = None


class ReferralWithdrawn(ReferralEvent):
    TYPE = "staffetta.referral.withdrawn.v1"

    withdraw_reason: Code
    requested_by: Code
    linked_referral_id: UUID | None = None
    text_id: UUID | None = None


class ReferralUnaccepted(ReferralEvent):
    """The receiver took its acceptance back. seat: the confirmed place is held again, until `place_until`."""

    TYPE = "staffetta.referral.unaccepted.v1"

    decline_reason: Code
    seat: Code
    place_until: Time | None = None
    text_id: UUID | None = None


class ReferralUpdated(ReferralEvent):
    TYPE = "staffetta.referral.updated.v1"

    update_code: Code
    text_id: UUID | None = None


class ReferralHeld(ReferralEvent):
    TYPE = "staffetta.referral.held.v1"

    hold_reason: Code
    review_date: date
    text_id: UUID | None = None


class ReferralHoldRenewed(ReferralHeld):
    TYPE = "staffetta.referral.hold_renewed.v1"


class ReferralResumed(ReferralEvent):
    TYPE = "staffetta.referral.resumed.v1"


class ReferralReopened(ReferralEvent):
    """seat: the place is taken again at once, if there is one; `person` says for how many."""

    TYPE = "staffetta.referral.reopened.v1"

    person: PersonFacts
    seat: Code
    compensates: tuple[Code, ...] = ()
    text_id: UUID | None = None


class ReferralRevoked(ReferralEvent):
    """What it rested on has ended: the receiver must delete what it holds. basis_id: the network's own."""

    TYPE = "staffetta.referral.revoked.v1"

    basis_id: UUID | None = None
    revoke_cause: Code
    text_id: UUID | None = None


class ReferralEnteredInError(ReferralEvent):
    """compensates: the events of this referral that count no more, each once."""

    TYPE = "staffetta.referral.entered_in_error.v1"

    compensates: tuple[Code, ...] = ()
    text_id: UUID | None = None


class ReferralFlaggedInError(ReferralEnteredInError):
    """The same of one that was over: its state stays."""

    TYPE = "staffetta.referral.flagged_in_error.v1"


# -- what is said of a referral that goes on as it is -----------------------------------------------------------------


class ReferralWorkerAssigned(ReferralEvent):
    TYPE = "staffetta.referral.worker_assigned.v1"

    assigned_worker: Ref


class ReferralNoteAdded(ReferralEvent):
    TYPE = "staffetta.referral.note_added.v1"

    text_id: UUID


class ReferralPriorityChanged(ReferralEvent):
    """From `priority_before` to the priority that every event of a referral says."""

    TYPE = "staffetta.referral.priority_changed.v1"

    priority_before: Code
    text_id: UUID


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


# -- timers of a referral ---------------------------------------------------------------------------------------------


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
    """So many percent of its limit are over and nobody did it. level: of the ladder; notify: whom that level tells."""

    TYPE = "staffetta.timer.fired.v1"

    percent: int
    level: int
    notify: tuple[Code, ...]


class ReferralEscalated(TimerEvent):
    """The timer that fired has reached the next level of the ladder."""

    TYPE = "staffetta.referral.escalated.v1"

    level: int


# -- journeys and tasks -----------------------------------------------------------------------------------------------


class JourneyEvent(Message):
    """What every event of a journey says: everything that came of one intake."""

    journey_id: UUID
    version: int
    at: Time
    service: Code
    sender_agency: AgencyCode
    referral_id: UUID | None = None


class RoutingNoCandidate(JourneyEvent):
    """reason: the filter of `routing.json` without which somebody would have been found, else admission or no_offer."""

    TYPE = "staffetta.routing.no_candidate.v1"

    reason: Code | None = None


class UnmetNeedRecorded(JourneyEvent):
    """A service could not be given now (final false: a successor is tried) or at all (final true)."""

    TYPE = "staffetta.unmet_need.recorded.v1"

    final: bool
    reason: Code | None = None


class TaskEvent(Message):
    """What every event of a task says: who has to decide what, until when."""

    task_id: UUID
    version: int
    at: Time
    kind: Code
    journey_id: UUID
    referral_id: UUID | None
    service: Code
    agency: AgencyCode
    queue: Ref
    due_at: Time


class TaskOpened(TaskEvent):
    TYPE = "staffetta.task.opened.v1"

    reason: Code | None = None
    next: Code | None = None
    documents: tuple[Code, ...] = ()


class TaskDone(TaskEvent):
    TYPE = "staffetta.task.done.v1"


class TaskOverdue(TaskEvent):
    """It was not decided in time. percent: of its limit; level: of the tasks' ladder; notify: whom that level tells."""

    TYPE = "staffetta.task.overdue.v1"

    percent: int
    level: int
    notify: tuple[Code, ...]
