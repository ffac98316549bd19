"""Whom a person excluded, at whichever meeting: that holds for every meeting of theirs that was not later."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from contracts.events import IntakeRecorded
from contracts.values import SharingBasis
from services.intake.domain.rules import PURPOSE, day_in

ELSEWHERE = "excluded:"
"""How a refusal is called that was said at another meeting; what follows is whom."""


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
    refusals = (refusal(recipient, recorded.city_of_intake, now) for recipient in excluded)
    return recorded.model_copy(update={"sharing_basis": (*recorded.sharing_basis, *refusals)})


def refusal(recipient: str, city: str, now: datetime) -> SharingBasis:
    """As one that was said at another meeting is kept with this one."""
    return SharingBasis(
        basis_id=f"{ELSEWHERE}{recipient}",
        type="consent",
        recipient=recipient,
        purposes=[PURPOSE],
        scope="tier0",
        valid_from=day_in(city, now),
        refused=True,
    )
