"""Who may ask who a person is: the receiver of a referral, from its acceptance until it has the person no longer."""

from dataclasses import dataclass, replace
from uuid import UUID

from contracts import codes
from contracts.commands import EndAccess, GrantAccess
from contracts.events import ReferralEvent

MOMENT = "after_acceptance"
OPENS = frozenset(codes.codes("sharing", "moments")[MOMENT]["states"])
"""The states of a referral in which its receiver may ask."""
ENDS = frozenset(row["to"] for row in codes.table("transitions")["transitions"] if OPENS & set(row["from"])) - OPENS
"""Every state into which a referral can go from there."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one accepted referral opens for its receiver. version: the referral's; ended: the state that closed it."""

    referral_id: UUID
    intake_id: UUID
    agency: str
    version: int
    ended: str | None = None


def asked_by(event: ReferralEvent) -> GrantAccess | EndAccess | None:
    """What an event of a referral asks of its grant."""
    if event.state in OPENS and event.receiver_agency:
        return GrantAccess(
            referral_id=event.referral_id,
            intake_id=event.journey_id,
            agency=event.receiver_agency,
            version=event.version,
        )
    if event.state in ENDS:
        return EndAccess(referral_id=event.referral_id, version=event.version, cause=event.state)
    return None


def change(known: Grant | None, command: GrantAccess | EndAccess) -> Grant | None:
    """The grant after a command; one of an older version changes nothing, and what was never granted does not end."""
    if known and command.version <= known.version:
        return known
    match command:
        case GrantAccess():
            return Grant(command.referral_id, command.intake_id, command.agency, command.version)
        case EndAccess():
            return replace(known, version=command.version, ended=command.cause) if known else None
