"""The sharing bases of one intake: on what grounds its data may go to whom, until they are withdrawn or run out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts import codes
from contracts.answers import CommandAccepted
from contracts.events import IntakeRecorded
from contracts.refusals import Refusal
from contracts.sharing import (
    ConsentWithdrawn,
    ExcludeRecipients,
    GiveBasis,
    SharingBasisExpired,
    SharingBasisGiven,
    WithdrawBases,
)
from contracts.values import Asked, Message, SharingBasis
from services.intake.domain.rules import PURPOSE, day_in

Outcome = tuple["Sharing", list[Message]]

CAUSES = tuple(
    code
    for code, item in codes.codes("withdraw_reasons").items()
    if (item["command"], item["side"]) == ("revoke", "person")
)
"""Why a person's basis may be taken back by the agency that recorded it."""

MOST = 100
"""Bases of one intake, given later too: each is told again with every change of another."""
ELSEWHERE = "excluded:"
"""How a refusal is called that was said at another meeting; what follows is whom."""
UNCHANGED = ("recipient", "type", "purposes", "scope", "refused")
"""What new dates cannot change: another recipient or purpose is another basis."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """agency: that took the intake, in this city. version: 1 when it was recorded. over: bases whose end was told."""

    intake_id: UUID
    agency: str
    city: str
    bases: tuple[SharingBasis, ...]
    version: int = 1
    over: tuple[str, ...] = ()

    @property
    def ends_at(self) -> datetime | None:
        """When the next of them that stands runs out, as its city counts days."""
        return min((_end(basis, self.city) for basis in self._running), default=None)

    @property
    def _running(self) -> Iterator[SharingBasis]:
        return (b for b in self.bases if _has_an_end(b) and stands(b) and not b.refused and b.basis_id not in self.over)

    def ended_by(self, now: datetime) -> tuple[str, ...]:
        return tuple(basis.basis_id for basis in self._running if _end(basis, self.city) <= now)

    def find(self, ref: str) -> SharingBasis | None:
        return next((basis for basis in self.bases if basis.basis_id == ref), None)

    def with_bases(self, changed: Iterable[SharingBasis]) -> "Sharing":
        """One version on, with these in place of those of the same name, or after all others."""
        known = {basis.basis_id: basis for basis in self.bases} | {basis.basis_id: basis for basis in changed}
        return replace(self, bases=tuple(known.values()), version=self.version + 1)


def stands(basis: SharingBasis) -> bool:
    return basis.withdrawn_at is None


def _has_an_end(basis: SharingBasis) -> bool:
    """The last day of the calendar is how some write that there is none."""
    return basis.valid_to is not None and basis.valid_to < date.max


def stated(recorded: IntakeRecorded) -> Sharing:
    """As the intake itself stated them."""
    return Sharing(recorded.intake_id, recorded.sender_agency, recorded.city_of_intake, recorded.sharing_basis)


def withdraw(sharing: Sharing | None, command: WithdrawBases, now: datetime) -> Outcome:
    """Raises Refusal: only the agency that took the intake, and all of the bases or none."""
    known = _own(sharing, command.asked)
    if command.revoke_cause not in CAUSES:
        raise Refusal("unknown_reason", "/revoke_cause", allowed=CAUSES)
    taken = [_withdrawable(known, ref, f"/basis_ids/{i}") for i, ref in enumerate(command.basis_ids)]
    after = known.with_bases(basis.model_copy(update={"withdrawn_at": now}) for basis in taken)
    said = ConsentWithdrawn(**_known(after, now, dict.fromkeys(command.basis_ids)), revoke_cause=command.revoke_cause)
    return after, [_answer(after, command.asked), said]


def give(sharing: Sharing | None, command: GiveBasis, now: datetime) -> Outcome:
    """A further basis or refusal, or new dates. The codes and the recipient must have been checked before.

    Raises Refusal: what was withdrawn stays so, and what the person refused cannot be given under the same name.
    """
    known, basis = _own(sharing, command.asked), command.basis
    if not stands(basis):
        raise Refusal("invalid_value", "/basis/withdrawn_at")
    if basis.valid_to and basis.valid_to < max(basis.valid_from, day_in(known.city, now)):
        raise Refusal("inconsistent_data", "/basis/valid_to")
    if before := known.find(basis.basis_id):
        _check_renewal(before, basis, known)
    elif len(known.bases) >= MOST:
        raise Refusal("invalid_value", "/basis/basis_id")
    after = known.with_bases([basis])
    after = replace(after, over=tuple(ref for ref in after.over if ref != basis.basis_id))
    return after, [_answer(after, command.asked), SharingBasisGiven(**_known(after, now, [basis.basis_id]))]


def exclude(sharing: Sharing | None, command: ExcludeRecipients, now: datetime) -> Outcome:
    """Refusals of another meeting. Nothing for those that are refused here already."""
    sharing = _recorded(sharing)
    known = {basis.recipient for basis in sharing.bases if basis.refused}
    new = [_refusal(recipient, sharing.city, now) for recipient in command.recipients if recipient not in known]
    if not new:
        return sharing, []
    after = sharing.with_bases(new)
    return after, [SharingBasisGiven(**_known(after, now, [basis.basis_id for basis in new]))]


def excluded_by(recorded: IntakeRecorded) -> tuple[str, ...]:
    """Whom the person excluded at this meeting."""
    refused = (basis.recipient for basis in recorded.sharing_basis if basis.refused)
    return tuple(dict.fromkeys((*recorded.withhold, *refused)))


def excluded_since(met: IntakeRecorded, others: Iterable[IntakeRecorded]) -> tuple[str, ...]:
    """Whom the person excluded since this meeting, or at the same instant, and did not at it."""
    known = excluded_by(met)
    found = (recipient for other in others for recipient in _since(met, other) if recipient not in known)
    return tuple(dict.fromkeys(found))


def _since(met: IntakeRecorded, other: IntakeRecorded) -> Iterator[str]:
    """At another meeting that was not earlier; or afterwards, on a later day than this one."""
    day = day_in(met.city_of_intake, met.occurred_at)
    given = (basis for basis in other.sharing_basis if basis.refused and not basis.basis_id.startswith(ELSEWHERE))
    refused = (basis.recipient for basis in given if basis.valid_from > day)
    found = excluded_by(other) if other.occurred_at >= met.occurred_at else refused
    return (recipient for recipient in found if holds_for(recipient, met, other))


def holds_for(recipient: str, met: IntakeRecorded, other: IntakeRecorded) -> bool:
    """Not what another agency was told of the one that had this meeting itself: that is how it would learn of it."""
    return recipient != met.sender_agency or other.sender_agency == met.sender_agency


def not_yet_excluded(met: IntakeRecorded, others: Iterable[IntakeRecorded]) -> dict[UUID, tuple[str, ...]]:
    """Whom the person's other meetings still tell and this one excludes, and whom this one tells and they exclude."""
    others = [other for other in others if other.intake_id != met.intake_id]
    found = {other.intake_id: excluded_since(other, [met]) for other in others} | {
        met.intake_id: excluded_since(met, others)
    }
    return {intake: recipients for intake, recipients in found.items() if recipients}


def told_late(recorded: IntakeRecorded, meetings: Iterable[IntakeRecorded], now: datetime) -> IntakeRecorded:
    """The same meeting, with the refusals of later ones that were recorded before it."""
    excluded = excluded_since(recorded, meetings)
    refusals = (_refusal(recipient, recorded.city_of_intake, now) for recipient in excluded)
    return recorded.model_copy(update={"sharing_basis": (*recorded.sharing_basis, *refusals)})


def expire(sharing: Sharing | None, now: datetime) -> Outcome:
    """Nothing when they were given new dates or withdrawn meanwhile."""
    sharing = _recorded(sharing)
    ended = sharing.ended_by(now)
    if not ended:
        return sharing, []
    after = replace(sharing, version=sharing.version + 1, over=(*sharing.over, *ended))
    return after, [SharingBasisExpired(**_known(after, now, ended))]


def _recorded(sharing: Sharing | None) -> Sharing:
    assert sharing is not None, "the network asks this of intakes that it recorded"
    return sharing


def _own(sharing: Sharing | None, asked: Asked) -> Sharing:
    """To others the intake looks like one that does not exist."""
    if sharing is None or sharing.agency != asked.agency:
        raise Refusal("unknown_referral", "/intake_id")
    return sharing


def _withdrawable(sharing: Sharing, ref: str, pointer: str) -> SharingBasis:
    """A refusal is no basis: taking it back would tell whom the person excluded."""
    basis = sharing.find(ref)
    if basis is None:
        raise Refusal("unknown_code", pointer, allowed=tuple(basis.basis_id for basis in sharing.bases))
    if basis.refused:
        raise Refusal("inconsistent_data", pointer)
    if not stands(basis):
        raise Refusal("invalid_transition", pointer)
    return basis


def _refusal(recipient: str, city: str, now: datetime) -> SharingBasis:
    return SharingBasis(
        basis_id=f"{ELSEWHERE}{recipient}",
        type="consent",
        recipient=recipient,
        purposes=[PURPOSE],
        scope="tier0",
        valid_from=day_in(city, now),
        refused=True,
    )


def _check_renewal(before: SharingBasis, renewed: SharingBasis, sharing: Sharing) -> None:
    if not stands(before):
        raise Refusal("invalid_transition", "/basis/basis_id", version=sharing.version)
    if changed := next((name for name in UNCHANGED if getattr(before, name) != getattr(renewed, name)), None):
        raise Refusal("inconsistent_data", f"/basis/{changed}")


def _end(basis: SharingBasis, city: str) -> datetime:
    """The midnight after its last day."""
    assert basis.valid_to is not None, "only what has a last day ends"
    zone = ZoneInfo(codes.codes("cities")[city]["timezone"])
    return datetime.combine(basis.valid_to, time(), zone) + timedelta(days=1)


def _known(sharing: Sharing, now: datetime, refs: Iterable[str]) -> dict[str, Any]:
    """What every event of sharing bases says (`contracts.events.SharingEvent`)."""
    return {
        "intake_id": sharing.intake_id,
        "version": sharing.version,
        "at": now,
        "sender_agency": sharing.agency,
        "basis_ids": tuple(refs),
        "sharing_basis": sharing.bases,
    }


def _answer(sharing: Sharing, asked: Asked) -> CommandAccepted:
    subject = str(sharing.intake_id)
    return CommandAccepted(asked=asked, subject=subject, version=sharing.version, intake_id=sharing.intake_id)
