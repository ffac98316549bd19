"""What a receiver owes once a referral was taken from it: that it saw the withdrawal, or has deleted the data."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from contracts import codes
from contracts.commands import ChaseReceipt, ReferralCommand
from contracts.events import CommandAccepted, ReceiptConfirmed, ReceiptEvent, ReceiptOverdue, ReceiptRequested
from contracts.values import Message
from services.referral.domain import clocks
from services.referral.domain.case import Case, Facts, Fault, roles_in
from services.referral.domain.clocks import Calendar
from services.referral.domain.referral import Entry, Owed, Referral, entered, snapshot

Outcome = tuple[Referral, list[Message]]

CONFIRM, CHASE = "confirm_receipt", "chase_receipt"
LIFE = codes.table("transitions")
ALLOWED_IN = next(tuple(row["allowed_in"]) for row in LIFE["non_transition_commands"] if row["command"] == CONFIRM)
OBLIGATIONS = codes.codes("transitions", "obligations")
EFFECTS = {row["id"]: frozenset(row["effects"]) for row in LIFE["transitions"]}


def demand(moved: Referral, case: Case) -> tuple[Owed, ...]:
    """What the receiver owes after this transition.

    Nothing when it did this itself, is the sender too, or was never told of the referral.
    """
    before, place = case.referral, moved.place
    if case.row is None or place is None or case.role == "receiver" or before.seat == "asked":
        return ()
    if place.agency == moved.need.sender_agency:
        return ()
    owed = (code for code in OBLIGATIONS if f"obligation_{code}" in EFFECTS[case.row.id])
    return tuple(Owed(code, _due(code, case.facts.now, case.facts.calendar)) for code in owed)


def requested(moved: Referral, now: datetime, by: str) -> list[Message]:
    known = snapshot(moved, now, by)
    return [ReceiptRequested(**known, obligation=owed.code, receipt_due_at=owed.due_at) for owed in moved.owed]


def confirm(referral: Referral, command: ReferralCommand, facts: Facts) -> Outcome:
    """By the receiver, once. Raises Refusal, in the order of `rejection_codes.json`."""
    if fault := next(_faults(referral, command), None):
        raise Case(referral, command, facts, None).refusal(fault)
    settled = (replace(o, confirmed_at=facts.now) if o.code == command.obligation else o for o in referral.owed)
    moved = replace(referral, version=referral.version + 1, owed=tuple(settled))
    event = ReceiptConfirmed(**snapshot(moved, facts.now, "receiver"), obligation=command.obligation)
    answer = CommandAccepted(asked=command.asked, subject=str(moved.referral_id), version=moved.version,
                             state=moved.state)  # fmt: skip
    return _noted(moved, event, CONFIRM, command.asked.agency), [answer, event]


def _faults(referral: Referral, command: ReferralCommand) -> Iterator[Fault]:
    roles, known = roles_in(referral, command), codes.of_field("obligation")
    if not roles:
        yield Fault("unknown_referral", "/referral_id")
    if "receiver" not in roles:
        yield Fault("not_authorised", "/agency")
    if referral.state not in ALLOWED_IN:
        yield Fault("invalid_transition", "/command")
    if command.expected_version not in (None, referral.version):
        yield Fault("version_conflict", "/expected_version")
    if command.obligation is None:
        yield Fault("missing_field", "/obligation")
    if command.obligation not in known:
        yield Fault("unknown_code", "/obligation", known)
    if not any(owed.code == command.obligation and owed.confirmed_at is None for owed in referral.owed):
        yield Fault("invalid_transition", "/obligation")


def chase(referral: Referral, command: ChaseReceipt, facts: Facts) -> Outcome:
    """It is told to be late, and due once more; nothing when it came meanwhile or was asked for already."""
    late = [o for o in referral.owed if (o.code, o.next_at) == (command.obligation, command.due_at)]
    if not late or facts.now < command.due_at:
        return referral, []
    again = replace(late[0], again_at=_due(command.obligation, facts.now, facts.calendar))
    others = tuple(owed for owed in referral.owed if owed.code != command.obligation)
    moved = replace(referral, version=referral.version + 1, owed=(*others, again))
    known = snapshot(moved, facts.now, "system")
    event = ReceiptOverdue(**known, obligation=again.code, receipt_due_at=again.due_at)
    return _noted(moved, event, CHASE, None), [event]


def next_at(owed: Iterable[Owed]) -> datetime | None:
    """When the next receipt is late."""
    return min((at for one in owed if (at := one.next_at)), default=None)


def _due(code: str, now: datetime, calendar: Calendar) -> datetime:
    """The limit is one of `priorities.json`, on the clock of the receiver's city."""
    return clocks.due(clocks.of_review(OBLIGATIONS[code]["limit_from"].partition(".")[2]), now, calendar)


def _noted(moved: Referral, event: ReceiptEvent, command: str, agency: str | None) -> Referral:
    name = event.TYPE.removeprefix("staffetta.").removesuffix(".v1")
    return entered(moved, Entry(moved.version, event.at, command, event.by, agency, moved.state, (name,)))
