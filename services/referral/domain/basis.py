"""On what grounds a need may be shared now, and which referrals must go when these end."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from contracts.commands import Need, ReferralCommand
from contracts.directory import Agency
from contracts.sharing import KeepSharing
from contracts.values import SharingBasis
from services.referral.domain import sharing
from services.referral.domain.referral import Referral

WITHDRAWN, EXPIRED, EXCLUDED = "consent_withdrawn", "basis_expired", "recipient_excluded"
"""Causes of `withdraw_reasons.json`."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The sharing bases under which one need may be sent. version: intake's, of its bases together.

    Whoever sends a referral of this need writes this, and so does a change of the bases: of two at the same instant
    one has to look again. It is one a need and not one a basis, or the services of one intake would wait for each
    other. sent: how many referrals have gone out under it. erased: nothing is kept any more of who the person is.
    """

    need_id: UUID
    bases: tuple[SharingBasis, ...]
    version: int = 1
    sent: int = 0
    erased: bool = False

    def applied_to(self, need: Need) -> Need:
        """The need as it may be shared now; what it carries of itself may be old."""
        return need.model_copy(update={"sharing_basis": self.bases})

    def having_sent(self) -> "Ground":
        return replace(self, sent=self.sent + 1)


def ground_of(need: Need) -> Ground:
    """As the intake stated it."""
    return Ground(need.need_id, need.sharing_basis)


def changed(ground: Ground | None, need_id: UUID, command: KeepSharing) -> Ground:
    """An older change that comes late changes nothing. None: no referral of the need was opened yet."""
    if ground is None:
        return Ground(need_id, command.sharing_basis, command.version, erased=command.erased)
    if command.version <= ground.version:
        return ground
    return replace(ground, version=command.version, bases=command.sharing_basis, erased=command.erased)


def ended(referral: Referral, ground: Ground, agency: Agency, day: date) -> str | None:
    """Why a referral may not stay where it is: a cause of `withdraw_reasons.json`; None when it may."""
    need, place = ground.applied_to(referral.need), referral.place
    if place is None:
        return None
    if sharing.is_withheld(need, agency):
        return EXCLUDED
    rests_on = next((basis for basis in need.sharing_basis if basis.basis_id == place.basis), None)
    if rests_on is None:
        return None if sharing.is_covered(need, agency, day) else EXPIRED
    if rests_on.withdrawn_at is not None:
        return WITHDRAWN
    return EXPIRED if rests_on.valid_to is not None and rests_on.valid_to < day else None


def revoke(referral: Referral, why: str, command: KeepSharing) -> ReferralCommand:
    """The system's own command of `transitions.json`, judged like any other."""
    cause = command.revoke_cause or why if why == WITHDRAWN else why
    return ReferralCommand(
        referral_id=referral.referral_id,
        command="revoke",
        role="system",
        basis_id=referral.basis_id,
        revoke_cause=cause,
    )
