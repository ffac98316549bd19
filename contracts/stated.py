"""What agencies say at the door: an intake, and what they say of a referral, a task, a sharing basis or a person."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.directory import Day, OpeningHours
from contracts.values import (
    OUTSIDE,
    AgencyCode,
    Code,
    Message,
    Name,
    Narrative,
    PartialDate,
    Ref,
    ServiceAsked,
    SharingBasis,
    Short,
    Time,
    Value,
    Version,
)

# -- an intake ---------------------------------------------------------------------------------------------------------


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
    """One meeting in which a person's needs are recorded and services are asked for. actor: who records it."""

    model_config = OUTSIDE
    TYPE = "staffetta.intake.submit.v1"

    idempotency_key: Ref
    actor: Ref | None = None
    occurred_at: Time
    tier0: Tier0
    tier1: Tier1 = Tier1()
    tier2: Tier2 = Tier2()


# -- what an agency says of a referral ---------------------------------------------------------------------------------


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
    override_reason: Code | None = None
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
    timer: Code | None = None
    escalation_level: Annotated[int, Field(ge=1, le=9)] | None = None


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
    """Who coordinates a city says that the open referrals of an agency that does not work (`of`) go elsewhere."""

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


# -- what the sender says of the sharing bases of its intake -----------------------------------------------------------


class WithdrawStatedBases(Message):
    """The person takes back on what grounds data may be shared: at once nothing more rests on these bases.

    revoke_cause: a code of `withdraw_reasons.json` that belongs to the command revoke and to the person; of a vital
    interest that waits to be confirmed, that it is not.
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
    """A further basis or a refusal for an intake, or (under a known `basis_id`) new dates for a basis that it has.

    reason: why it is a vital interest, where it is one.
    """

    model_config = OUTSIDE
    TYPE = "staffetta.sharing.give.v1"

    command_id: Ref
    intake_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    basis: StatedBasis
    reason: Short | None = None


class ConfirmStatedBases(Message):
    """A second person confirms vital interests: a supervisor of the agency, by token, who has stated none of them."""

    model_config = OUTSIDE
    TYPE = "staffetta.sharing.confirm.v1"

    command_id: Ref
    intake_id: Ref
    agency: AgencyCode
    actor: Ref | None = None
    basis_ids: Annotated[list[Ref], Field(min_length=1, max_length=100)]


# -- what an agency's people say of its own offers ---------------------------------------------------------------------


class StatedHours(OpeningHours):
    model_config = OUTSIDE

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]


class StatedWords(Value):
    """A description in these languages; a language that is not named stays as it is."""

    model_config = OUTSIDE

    it: Narrative | None = None
    en: Narrative | None = None


class CorrectedFields(Value):
    """What people may put right of an offer of their own. What is not named stays; an empty text takes it away.

    status: whether the offer takes new referrals at present.
    """

    status: Literal["open", "closed"] | None = None
    phone: Name | None = None
    email: Name | None = None
    languages: Annotated[list[Code], Field(max_length=50)] | None = None
    opening_hours: Annotated[list[StatedHours], Field(max_length=21)] | None = None
    description: StatedWords | None = None


class CorrectStatedOffer(CorrectedFields, Message):
    """A supervisor of the agency, or who coordinates its city, says what holds of one of its offers."""

    model_config = OUTSIDE
    TYPE = "staffetta.directory.correct.v1"

    command_id: Ref
    offer: Ref
    agency: AgencyCode
    actor: Ref | None = None
