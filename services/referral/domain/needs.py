"""What an intake sets going: a journey, and for each service asked for a referral or, when it has to wait, a draft."""

from collections.abc import Sequence
from uuid import UUID, uuid5

from contracts import codes
from contracts.commands import DraftReferral, Need, OpenReferral, WriteDraft
from contracts.erasure import PERSON_ERASED, PersonErased
from contracts.events import IntakeRecorded
from contracts.journeys import AddNeed, BeginJourney, JourneyNeed
from contracts.refusals import Refusal
from contracts.sharing import ConsentWithdrawn, KeepSharing, SharingEvent
from contracts.values import Message, PersonFacts, ServiceAsked
from services.referral.domain import sharing


def set_going(intake: IntakeRecorded) -> list[Message]:
    """The commands that an intake becomes; the journey begins first."""
    needs = [_need(intake, n) for n in range(len(intake.services))]
    begin = BeginJourney(
        journey_id=intake.intake_id,
        sender_agency=intake.sender_agency,
        sender_queue=intake.sender_queue,
        city=intake.city_of_intake,
        needs=tuple(_of_journey(need) for need in needs),
        excluded=sharing.excluded(intake.withhold, intake.sharing_basis),
    )
    return [begin, *(_first_step(need) for need in needs)]


def shared(event: SharingEvent) -> KeepSharing:
    """What a change of an intake's sharing bases asks of its journey."""
    erased = isinstance(event, PersonErased)
    cause = event.revoke_cause if isinstance(event, ConsentWithdrawn) else PERSON_ERASED if erased else None
    return KeepSharing(
        journey_id=event.intake_id,
        version=event.version,
        sharing_basis=event.sharing_basis,
        revoke_cause=cause,
        erased=erased,
    )


def referral_id(intake_id: UUID, n: int) -> UUID:
    """The first referral of the n-th service asked for, counted from 0."""
    return uuid5(intake_id, f"referral:{n}")


def _first_step(need: Need) -> OpenReferral | DraftReferral:
    if need.depends_on:
        return DraftReferral(referral_id=need.need_id, need=need)
    return OpenReferral(referral_id=need.need_id, need=need)


def _need(intake: IntakeRecorded, n: int) -> Need:
    return _need_of(intake, intake.services[n], referral_id(intake.intake_id, n))


def _need_of(intake: IntakeRecorded, asked: ServiceAsked, need_id: UUID) -> Need:
    return Need(
        need_id=need_id,
        intake_id=intake.intake_id,
        journey_id=intake.intake_id,
        person_ref=intake.person_ref,
        service=asked.service,
        priority=asked.priority or intake.priority or codes.codes("services")[asked.service]["default_priority"],
        priority_reason=intake.priority_reason,
        named_offer=asked.offer,
        sender_agency=intake.sender_agency,
        sender_queue=intake.sender_queue,
        sender_ref=intake.sender_ref,
        sender_city=intake.city_of_intake,
        city_of_presence=intake.city_of_presence,
        depends_on=_waits_for(asked, intake.services),
        willing_to_travel=intake.willing_to_travel,
        withhold=intake.withhold,
        sharing_basis=intake.sharing_basis,
        person=PersonFacts(**intake.model_dump(include=set(PersonFacts.model_fields))),
        age_band_until=intake.age_band_until,
    )


def for_a_draft(command: WriteDraft) -> Need:
    """One more service for the person of an intake, which their caseworker asks for later. Raises Refusal."""
    for name, code, list_ in (("service", command.service, "services"), ("priority", command.priority, "priorities")):
        if code is not None and not codes.is_code(list_, code):
            raise Refusal("unknown_code", f"/{name}", allowed=tuple(codes.codes(list_)))
    if command.intake is None:
        raise Refusal("invalid_value", "/person_ref")
    asked = ServiceAsked(service=command.service, priority=command.priority)
    return _need_of(command.intake, asked, command.referral_id)


def check_same(written: Need, command: WriteDraft) -> None:
    """Raises Refusal where the key of a draft stands for another one; its priority may have changed meanwhile."""
    if (written.person_ref, written.service) != (command.person_ref, command.service):
        raise Refusal("idempotency_conflict", "/idempotency_key")


def one_more(need: Need) -> AddNeed:
    return AddNeed(journey_id=need.journey_id, need=_of_journey(need))


def _of_journey(need: Need) -> JourneyNeed:
    return JourneyNeed(
        service=need.service, referral_id=need.need_id, depends_on=need.depends_on, priority=need.priority
    )


def _waits_for(asked: ServiceAsked, services: Sequence[ServiceAsked]) -> str | None:
    """The service that comes first, if the same intake asks for it; services that wait for one another do not wait."""
    before = {other.service: other.depends_on for other in services}
    chain = [asked.depends_on]
    while (first := chain[-1]) in before and chain.count(first) == 1:
        chain.append(before[first])
    return asked.depends_on if asked.depends_on in before and asked.service not in chain else None
