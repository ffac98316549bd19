"""One command on one referral, with what is known at the moment when it is judged."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts import codes
from contracts.commands import Need, NotePlace, ReferralCommand
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from services.referral.domain import table
from services.referral.domain.clocks import Calendar
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Decision


@dataclass(frozen=True, slots=True)
class Facts:
    """What the referral itself does not know.

    calendar: of the city whose clock runs next. decision: what routing says now, for a command that needs a receiver.
    linked_id: the open referral of this person to the chosen offer; linked: that referral, for a need that is to be
    sent; passed_by: those that wait on a list, at an agency that is not asked for it.
    predecessor: whom this one makes way for. latest: who has it now, when this one has a successor; shared: then,
    the need under the sharing bases as they are now.
    speaker, receiver: the directory's entries of the agency that asks, unless the person excluded it, and of the one
    where it lies. sender: of the one that sent it, for a command that has an agency asked. lead: of who
    coordinates the city where it lies and works, unless the person excluded them (lead_withheld). offer: the entry of
    where it lies, for a command that waitlists or reopens. served_by: the open referral that a decline names, if it
    may (`serving.serves`).
    noted: what was answered about a place. basis_ended: whether what it rests on has ended, for a command that revokes
    or reopens.
    """

    now: datetime
    calendar: Calendar
    decision: Decision | None = None
    linked_id: UUID | None = None
    linked: Referral | None = None
    passed_by: tuple[Referral, ...] = ()
    predecessor: Referral | None = None
    latest: Referral | None = None
    shared: Need | None = None
    speaker: Agency | None = None
    receiver: Agency | None = None
    sender: Agency | None = None
    offer: Offer | None = None
    noted: NotePlace | None = None
    lead: Agency | None = None
    lead_withheld: bool = False
    served_by: Referral | None = None
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
        return roles_in(self.referral, self.command, self.facts)

    @property
    def role(self) -> str:
        """In which of its roles the speaker gives this command; we do what was taken from one who has none by now."""
        return next((role for role in (self.row.by if self.row else ()) if role in self.roles), "system")

    @property
    def reason(self) -> dict[str, Any] | None:
        """The item of the row's list of reasons that the command names, if it may be used with this command."""
        if not self.row or not self.row.reasons or not self.reason_field:
            return None
        named = str(getattr(self.command, self.reason_field))
        item = codes.codes(self.row.reasons).get(named)
        fits = (
            item
            and is_usable(item, self.command.command)
            and dict(self.row.fixed).get(self.reason_field, named) == named
        )
        return item if fits else None

    @property
    def reason_field(self) -> str | None:
        """In which field the command names its reason."""
        return codes.reason_field(self.row.reasons, self.row.command) if self.row and self.row.reasons else None

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
    """What the row fixes need not be said."""
    roles = roles_in(referral, command, facts)
    row = next((row for row in table.rows_of(command.command) if row.is_for(referral.state, roles)), None)
    fixed = {name: value for name, value in row.fixed if getattr(command, name) is None} if row else {}
    return Case(referral, command.model_copy(update=fixed), facts, row)


def roles_in(referral: Referral, command: ReferralCommand, facts: Facts) -> frozenset[str]:
    """As what the speaker may speak here; nothing for a stranger.

    A person's token makes its bearer a supervisor of their own agency, or a coordinator of the city in which it lies.
    """
    if command.role == "system":
        return frozenset({"system"})
    roles, said = referral.roles_of(command.asked.agency), frozenset(command.asked.roles)
    here = {referral.need.sender_city, referral.place.city if referral.place else None}
    if "coordinator" in said and facts.speaker and facts.speaker.status == "active" and facts.speaker.city in here:
        roles |= {"coordinator"}
    return roles | {table.SUPERVISOR} if "receiver" in roles and table.SUPERVISOR in said else roles


def is_usable(reason: dict[str, Any], command: str) -> bool:
    """Whether a reason of its list may be given with this command; some lists serve one command only."""
    return command in reason.get("usable_in", (reason.get("command", command),)) and bool(reason.get("active", True))
