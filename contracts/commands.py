"""What may be asked: by agencies at the door, and by the services of one another."""

from datetime import date
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field, computed_field

from contracts.directory import Agency, Offer
from contracts.values import (
    OUTSIDE,
    AgencyCode,
    Asked,
    Code,
    Message,
    Name,
    Narrative,
    PartialDate,
    PersonFacts,
    Ref,
    ServiceAsked,
    SharingBasis,
    Short,
    Time,
    Value,
    Version,
)

# -- from outside: an intake ------------------------------------------------------------------------------------------


class StatedService(ServiceAsked):
    model_config = OUTSIDE


class StatedBasis(SharingBasis):
    model_config = OUTSIDE


class Tier0(Value):
    """Routing data: enough to send a referral. Only services, a sharing basis and who speaks are mandatory."""

    model_config = OUTSIDE

    person_ref: Ref
    city_of_intake: Code
    city_of_presence: Code | None = None
    sender_agency: AgencyCode
    sender_queue: Ref | None = None
    sender_ref: Ref | None = None
    intake_channel: Code | None = None
    age_band: Code = "unknown"
    gender: Code = "not_stated"
    household: Code = "unknown"
    household_size: Annotated[int, Field(ge=1, le=50)] | None = None
    language: Code | None = None
    other_languages: Annotated[list[Code], Field(max_length=20)] = []
    interpreter_needed: bool | None = None
    accessibility: Annotated[list[Code], Field(max_length=20)] = []
    third_country_national: bool | None = None
    in_reception: bool | None = None
    priority: Code | None = None
    priority_reason: Short | None = None
    services: Annotated[list[StatedService], Field(min_length=1, max_length=20)]
    willing_to_travel: Annotated[list[Code], Field(max_length=50)] = []
    withhold: Annotated[list[AgencyCode], Field(max_length=100)] = []
    sharing_basis: Annotated[list[StatedBasis], Field(min_length=1, max_length=100)]


class PersonName(Value):
    model_config = OUTSIDE

    given: Name | None = None
    family: Name | None = None


class BirthDate(Value):
    """The day, or as much as is known: a month, a year, or the first day of it."""

    model_config = OUTSIDE

    value: PartialDate
    precision: Literal["day", "month", "year", "estimated"] = "day"


class Contact(Value):
    model_config = OUTSIDE

    channel: Code
    value: Name | None = None
    safe: bool | None = None
    safe_hours: Name | None = None
    may_leave_message: bool | None = None


class Caregiver(Value):
    """The adult who answers for a minor."""

    model_config = OUTSIDE

    name: PersonName | None = None
    relation: Code | None = None
    contact: Name | None = None
    informed: bool | None = None
    legal_guardian: bool | None = None
    separation: Code | None = None


class Tier1(Value):
    """Direct identifiers: they stay with intake."""

    model_config = OUTSIDE

    case_code: Ref | None = None
    name: PersonName | None = None
    birth_date: BirthDate | None = None
    citizenship: Code | None = None
    contact: Contact | None = None
    caregiver: Caregiver | None = None


class Identifier(Value):
    """An identifier as stated; none is ever mandatory (`identifiers.json`)."""

    model_config = OUTSIDE

    type: Code
    value: Ref
    valid_to: date | None = None


class Tier2(Value):
    """Sensitive data: they stay with intake."""

    model_config = OUTSIDE

    needs: Annotated[list[Code], Field(max_length=50)] = []
    ethos: Code | None = None
    identifiers: Annotated[list[Identifier], Field(max_length=20)] = []
    vulnerabilities: Annotated[list[Code], Field(max_length=50)] = []
    narrative: Narrative | None = None
    services_received: Annotated[list[Code], Field(max_length=50)] = []
    attachments: Annotated[list[Ref], Field(max_length=20)] = []


class SubmitIntake(Message):
    """One meeting in which a person's needs are recorded and services are asked for."""

    model_config = OUTSIDE
    TYPE = "staffetta.intake.submit.v1"

    idempotency_key: Ref
    occurred_at: Time
    tier0: Tier0
    tier1: Tier1 = Tier1()
    tier2: Tier2 = Tier2()


# -- from outside: what an agency says of a referral ------------------------------------------------------------------

Count = Annotated[int, Field(ge=1, le=2**15)]


class ReferralFields(Value):
    """What a command on a referral may carry; `transitions.json` says which fields which command needs."""

    decline_reason: Code | None = None
    closure_outcome: Code | None = None
    withdraw_reason: Code | None = None
    requested_by: Code | None = None
    first_contact_at: Time | None = None
    contact_mode: Code | None = None
    phone_call_recorded_at: Time | None = None
    next_agency: AgencyCode | None = None
    failed_rule: Code | None = None
    documents: Annotated[list[Code], Field(max_length=20)] | None = None
    linked_referral_id: UUID | None = None
    assigned_worker: Ref | None = None
    person_still_interested: bool | None = None
    lapse_cause: Code | None = None
    basis_id: UUID | None = None
    revoke_cause: Code | None = None
    obligation: Code | None = None
    order_rule_version: Annotated[int, Field(ge=0, le=2**31)] | None = None
    offer: Ref | None = None
    priority: Code | None = None
    hold_reason: Code | None = None
    review_date: date | None = None
    update_code: Code | None = None
    channel: Code | None = None
    result: Code | None = None
    starts_at: Time | None = None
    second_slot: bool | None = None
    appointment: Count | None = None
    count: Count | None = None


class StatedCommand(ReferralFields, Message):
    """`staffetta.referral.<command>.v1`: a command of `transitions.json` on one referral, by an agency that is party.

    Free text is taken out at the door and kept by intake; the referral carries only its id.
    """

    model_config = OUTSIDE

    command_id: Ref
    referral_id: Ref
    command: Code
    agency: AgencyCode
    actor: Ref | None = None
    occurred_at: Time | None = None
    expected_version: Version | None = None
    text: Narrative | None = None
    reason_text: Narrative | None = None


class StatedDraft(Message):
    """A caseworker's own draft: one more service for a person of whom their agency has recorded an intake.

    person_ref: as `intake.recorded` names the person. The answer's `subject` is the referral.
    """

    model_config = OUTSIDE
    TYPE = "staffetta.referral.create.v1"

    command_id: Ref
    command: Literal["create"] = "create"
    agency: AgencyCode
    idempotency_key: Ref
    person_ref: Ref
    service: Code
    priority: Code | None = None
    actor: Ref | None = None
    occurred_at: Time | None = None


class RerouteStatedAgency(Message):
    """Who coordinates a city says that the open referrals of a suspended agency (`of`) are to go elsewhere."""

    model_config = OUTSIDE
    TYPE = "staffetta.agency.reroute.v1"

    command_id: Ref
    of: AgencyCode
    agency: AgencyCode
    actor: Ref | None = None


class CompleteStatedTask(Message):
    """The sender says that a task was done."""

    model_config = OUTSIDE
    TYPE = "staffetta.task.complete.v1"

    command_id: Ref
    task_id: Ref
    agency: AgencyCode
    actor: Ref | None = None


# -- from outside: what the sender says of the sharing bases of its intake -------------------------------------------


class WithdrawStatedBases(Message):
    """The person takes back on what grounds data may be shared: at once nothing more rests on these bases.

    revoke_cause: a code of `withdraw_reasons.json` that belongs to the command revoke and to the person.
    """

    model_config = OUTSIDE
    TYPE = "staffetta.sharing.withdraw.v1"

    command_id: Ref
    intake_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    basis_ids: Annotated[list[Ref], Field(min_length=1, max_length=100)]
    revoke_cause: Code


class GiveStatedBasis(Message):
    """A further basis or a refusal for an intake, or (under a known `basis_id`) new dates for a basis that it has."""

    model_config = OUTSIDE
    TYPE = "staffetta.sharing.give.v1"

    command_id: Ref
    intake_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    basis: StatedBasis


# -- inside: what services ask of intake ------------------------------------------------------------------------------


class RecordIntake(Message):
    """The door passes an intake on; flags are what the door already noticed."""

    TYPE = "staffetta.intake.record.v1"

    intake_id: UUID
    asked: Asked
    submitted: SubmitIntake
    flags: tuple[Code, ...] = ()


class KeepText(Message):
    """Free text of a referral command, kept by intake under an id of its own."""

    TYPE = "staffetta.intake.keep_text.v1"

    text_id: UUID
    referral_id: Ref
    agency: AgencyCode
    text: Narrative


class WithdrawBases(Message):
    """The door passes on that bases are taken back."""

    TYPE = "staffetta.intake.withdraw_bases.v1"

    intake_id: UUID
    asked: Asked
    basis_ids: tuple[Ref, ...]
    revoke_cause: Code


class GiveBasis(Message):
    """The door passes on a further basis, a refusal, or new dates."""

    TYPE = "staffetta.intake.give_basis.v1"

    intake_id: UUID
    asked: Asked
    basis: SharingBasis


class ExcludeRecipients(Message):
    """At a later meeting the person excluded these recipients: that holds for this earlier intake of theirs too."""

    TYPE = "staffetta.intake.exclude_recipients.v1"

    intake_id: UUID
    recipients: tuple[Code, ...]


class ExpireBases(Message):
    """The last day of bases of this intake is over. until: since when."""

    TYPE = "staffetta.intake.expire_bases.v1"

    intake_id: UUID
    until: Time


class GrantAccess(Message):
    """A receiver has taken the person in: it may ask who they are. version: the referral's."""

    TYPE = "staffetta.intake.grant_access.v1"

    referral_id: UUID
    intake_id: UUID
    agency: AgencyCode
    version: Version


class EndAccess(Message):
    """The receiver has the person no longer. version: the referral's; cause: the state it is in now."""

    TYPE = "staffetta.intake.end_access.v1"

    referral_id: UUID
    version: Version
    cause: Code


# -- inside: what services ask of referral ----------------------------------------------------------------------------


class Need(Value):
    """One service asked for by an intake, with what routing and the receiver need to know (tier 0).

    need_id: the id of the first referral opened for it; it stays when a successor takes over. sender_city: where the
    intake was; depends_on: the other service of the same intake that comes first.
    """

    need_id: UUID
    intake_id: UUID
    journey_id: UUID
    person_ref: str
    service: Code
    priority: Code
    priority_reason: str | None = None
    named_offer: str = "any"
    sender_agency: AgencyCode
    sender_queue: Ref
    sender_ref: Ref | None = None
    sender_city: Code
    city_of_presence: Code
    depends_on: Code | None = None
    willing_to_travel: tuple[Code, ...] = ()
    withhold: tuple[AgencyCode, ...] = ()
    sharing_basis: tuple[SharingBasis, ...] = ()
    person: PersonFacts = PersonFacts()


class OpenReferral(Message):
    """Route one need and send it: at hop 0, or as the successor of one that was declined or passed on."""

    TYPE = "staffetta.referral.open.v1"

    referral_id: UUID
    need: Need
    predecessor_id: UUID | None = None
    hop: int = 0
    tried: tuple[AgencyCode, ...] = ()
    next_agency: AgencyCode | None = None


class DraftReferral(Message):
    """Write a draft for a service that waits for another one of the same person (`need.depends_on`)."""

    TYPE = "staffetta.referral.draft.v1"

    referral_id: UUID
    need: Need


class WriteDraft(Message):
    """A caseworker's own draft, as the door passes it on: one more service for a person whom their agency knows."""

    TYPE = "staffetta.referral.write_draft.v1"

    referral_id: UUID
    asked: Asked
    person_ref: Ref
    service: Code
    priority: Code | None = None


class ReferralCommand(ReferralFields, Message):
    """A command on a referral as the door passes it on, or as the network gives it (role system)."""

    TYPE = "staffetta.referral.command.v1"

    referral_id: UUID
    command: Code
    asked: Asked = Asked()
    role: Code = "agency"
    expected_version: Version | None = None
    text_id: UUID | None = None
    timer: Code | None = None
    escalation_level: int | None = None


class FireTimer(Message):
    """A step of a timer is due. version: the referral's when the timer started; percent: which step."""

    TYPE = "staffetta.timer.fire.v1"

    referral_id: UUID
    timer: Code
    version: Version
    percent: int


class NotePlace(Message):
    """What the service that counts an offer's places answered about a referral.

    answer: held, promoted (held for the head of the waitlist), waitlisted, refused, lapsed.
    """

    TYPE = "staffetta.referral.note_place.v1"

    referral_id: UUID
    answer: Code
    until: Time | None = None
    position: int | None = None
    order_rule_version: int | None = None


class ChaseReceipt(Message):
    """A receipt that a receiver owes is late. due_at: when it was due, or to be asked for again."""

    TYPE = "staffetta.referral.chase_receipt.v1"

    referral_id: UUID
    obligation: Code
    due_at: Time


class KeepSharing(Message):
    """On what grounds the data of this journey may be shared from now on. version: intake's, of these bases together.

    revoke_cause: why bases were withdrawn, when some were.
    """

    TYPE = "staffetta.journey.keep_sharing.v1"

    journey_id: UUID
    version: Version
    sharing_basis: tuple[SharingBasis, ...]
    revoke_cause: Code | None = None


class JourneyNeed(Value):
    """What a journey knows of one service asked for: which referral began it, and what it waits for."""

    service: Code
    referral_id: UUID
    depends_on: Code | None = None


class RerouteAgency(Message):
    """An agency was suspended: what lies there and is not decided is to be asked elsewhere, the rest to be reviewed.

    Asked by who coordinates its city.
    """

    TYPE = "staffetta.agency.reroute_open.v1"

    of: AgencyCode
    asked: Asked

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agency_id(self) -> UUID:
        """A key that does not tell which agency."""
        return uuid5(NAMESPACE_URL, f"staffetta:agencies/{self.of}")


class BeginJourney(Message):
    """An intake was recorded: these needs are to be answered."""

    TYPE = "staffetta.journey.begin.v1"

    journey_id: UUID
    sender_agency: AgencyCode
    sender_queue: Ref
    city: Code
    needs: tuple[JourneyNeed, ...]


class AddNeed(Message):
    """A caseworker's own draft is one more need of the intake that it leans on."""

    TYPE = "staffetta.journey.add_need.v1"

    journey_id: UUID
    need: JourneyNeed


class EndNeed(Message):
    """How the referral (or the search for one) of a need ended, or what became of it meanwhile.

    outcome: served, ended (not served), no_capacity (a successor is tried), no_candidate (final), linked (the person
    has an open referral to the same offer already), sent (the sender did not wait for the service that comes first),
    reopened (it goes on after its end).
    """

    TYPE = "staffetta.journey.end_need.v1"

    journey_id: UUID
    need_id: UUID
    service: Code
    referral_id: UUID
    outcome: Code
    reason: Code | None = None


class OpenTask(Message):
    """A worker of `queue` has something to decide."""

    TYPE = "staffetta.task.open.v1"

    task_id: UUID
    kind: Code
    journey_id: UUID
    referral_id: UUID | None = None
    service: Code
    agency: AgencyCode
    queue: Ref
    city: Code
    reason: Code | None = None
    next: Code | None = None
    documents: tuple[Code, ...] = ()


class ChaseTask(Message):
    """A step of a task that is not done is due. percent: which step."""

    TYPE = "staffetta.task.chase.v1"

    task_id: UUID
    percent: int


class CompleteTask(Message):
    """The door passes on that a task was done."""

    TYPE = "staffetta.task.command.v1"

    task_id: UUID
    asked: Asked


# -- inside: what the operator asks of directory ----------------------------------------------------------------------


class PutAgency(Message):
    """An agency with its queues as it is to be in the directory."""

    TYPE = "staffetta.directory.put_agency.v1"

    asked: Asked = Asked()
    agency: Agency


class PutOffer(Message):
    """An offer as it is to be in the directory."""

    TYPE = "staffetta.directory.put_offer.v1"

    asked: Asked = Asked()
    offer: Offer
