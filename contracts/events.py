"""What happened to an intake or a referral, said on the topic of the aggregate it happened to."""

from datetime import date
from typing import Any
from uuid import UUID

from contracts.values import (
    AgencyCode,
    Code,
    Message,
    PersonFacts,
    PublicCode,
    Ref,
    ServiceAsked,
    SharingBasis,
    Time,
    Unspoken,
    Value,
)

# -- intakes -----------------------------------------------------------------------------------------------------------


class IntakeRecorded(Message):
    """An intake passed the rules and is stored: exactly the tier 0 fields of `sharing.json`, with a pseudonym.

    age_band_until: from which day on the person may be older than their band says: the first of a month, a year after
    the meeting at the latest. Left out of every feed.
    """

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
    age_band_until: date | None = None


# -- referrals ---------------------------------------------------------------------------------------------------------


class ReferralEvent(Message):
    """What every event of a referral says: whose it is, where it stands after it, who owns it and until when.

    code: what people call it (`contracts.notifications.public_code`). receiver_told: false while the receiver has been
    told nothing of it, for its place there is asked for or was when it ended; then only the sender hears of it.
    """

    referral_id: UUID
    code: PublicCode | None = None
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
    receiver_told: bool = True


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
    then version is 0, state LINKED, and there is neither receiver nor owner. override_reason: why a caseworker chose
    this offer `against` the order or the admission rules (`override_reasons.json`).
    """

    TYPE = "staffetta.routing.decided.v1"

    rule_set: Code
    candidates: tuple[Verdict, ...]
    out: tuple[Verdict, ...]
    out_by_area: int = 0
    override_reason: Code | None = None
    against: tuple[Code, ...] = ()
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
    """lapse_cause: a code of `reports.json`. held_until: of the hold that is over, for who waits."""

    TYPE = "staffetta.referral.seat_lapsed.v1"

    lapse_cause: Code
    held_until: Time | None = None


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
    """seat: given_back where a place is only for the first contact (`taken_until` of services.json)."""

    TYPE = "staffetta.referral.started.v1"

    first_contact_at: Time
    contact_mode: Code
    seat: Code | None = None


class ReferralClosed(ReferralEvent):
    """coordination_withheld: the person excluded who coordinates, who is not told then (on no feed)."""

    TYPE = "staffetta.referral.closed.v1"

    closure_outcome: Code
    served: bool
    text_id: UUID | None = None
    coordination_withheld: Unspoken = False


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
    """seat: the place is taken again at once, if there is one (confirmed); `person` says for how many."""

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
