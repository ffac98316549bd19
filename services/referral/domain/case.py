"""One command on one referral, with what is known at the moment when it is judged."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.commands import NotePlace, ReferralCommand
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from services.referral.domain import table
from services.referral.domain.clocks import Calendar
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Decision

REASON_FIELDS = {
    "decline_reasons": "decline_reason",
    "closure_outcomes": "closure_outcome",
    "withdraw_reasons": "withdraw_reason",
}
OTHERWISE_NAMED = {"revoke": "revoke_cause"}
"""Commands that give a reason of such a list in a field of their own."""


def reason_field(row: table.Row) -> str | None:
    return OTHERWISE_NAMED.get(row.command, REASON_FIELDS[row.reasons]) if row.reasons else None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the referral itself does not know.

    calendar: of the city whose clock runs next. decision: what routing says now, for a command that needs a receiver.
    linked_id: the open referral of this person to the chosen offer. predecessor: whom this one makes way for. latest:
    who has it now, when this one has a successor. speaker: the directory's entry of the agency that asks. offer: the
    directory's entry of where it lies, for a command that waitlists. noted: what was answered about a place.
    basis_ended: whether what it rests on has ended, for a command that revokes.
    """

    now: datetime
    calendar: Calendar
    decision: Decision | None = None
    linked_id: UUID | None = None
    predecessor: Referral | None = None
    latest: Referral | None = None
    speaker: Agency | None = None
    offer: Offer | None = None
    noted: NotePlace | None = None
    basis_ended: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a command is refused; `allowed` is what would be taken instead."""

    code: str
    pointer: str | None = None
    allowed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """row: the transition that the state allows the speaker, if there is one."""

    referral: Referral
    command: ReferralCommand
    facts: Facts
    row: table.Row | None

    @property
    def roles(self) -> frozenset[str]:
        return roles_in(self.referral, self.command)

    @property
    def role(self) -> str:
        """In which of its roles the speaker gives this command."""
        return next(role for role in (self.row.by if self.row else ()) if role in self.roles)

    @property
    def reason(self) -> dict[str, Any] | None:
        """The item of the row's list of reasons that the command names, if it may be used with this command."""
        if not self.row or not self.row.reasons:
            return None
        item = codes.codes(self.row.reasons).get(str(getattr(self.command, reason_field(self.row) or "")))
        return item if item and is_usable(item, self.command.command) else None

    def refusal(self, fault: Fault) -> Refusal:
        """Strangers learn nothing of the referral, a party learns where it stands and what may be done."""
        if fault.code in ("unknown_referral", "not_authorised"):
            return Refusal(fault.code, fault.pointer)
        named = fault.allowed is None
        return Refusal(
            fault.code,
            fault.pointer,
            state=self.referral.state,
            version=self.referral.version,
            allowed=table.allowed(self.referral.state, self.roles) if named else fault.allowed or (),
        )


def meet(referral: Referral, command: ReferralCommand, facts: Facts) -> Case:
    roles = roles_in(referral, command)
    rows = (row for row in table.rows_of(command.command) if row.is_for(referral.state, roles))
    return Case(referral, command, facts, next(rows, None))


def roles_in(referral: Referral, command: ReferralCommand) -> frozenset[str]:
    """As what the speaker may speak here; nothing for a stranger."""
    return frozenset({"system"}) if command.role == "system" else referral.roles_of(command.asked.agency)


def is_usable(reason: dict[str, Any], command: str) -> bool:
    """Whether a reason of its list may be given with this command; some lists serve one command only."""
    return command in reason.get("usable_in", (reason.get("command", command),)) and bool(reason.get("active", True))
