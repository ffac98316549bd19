"""What a move of a referral brings with it: an appointment fixed, those that nobody will keep, a receipt owed."""

from dataclasses import replace
from typing import Any

from contracts import codes
from contracts.beside import AppointmentCancelled, AppointmentScheduled, ReceiptRequested
from contracts.events import ReferralEvent
from services.referral.domain import appointments, receipts
from services.referral.domain.appointments import SCHEDULED
from services.referral.domain.case import Case
from services.referral.domain.referral import Referral

EXPECTED = next(
    frozenset(row["allowed_in"])
    for row in codes.table("transitions")["non_transition_commands"]
    if row["command"] == "schedule_appointment"
)
"""The states in which a person may be expected."""

Said = tuple[type[ReferralEvent], dict[str, Any]]


def behind(moved: Referral, case: Case) -> tuple[Referral, list[Said]]:
    """The referral with all of it noted, and which events tell of it, with what each says beside the snapshot."""
    after, fixed = _fixed(moved, case)
    after, cancelled = _cancelled(after)
    after, requested = _owing(after, case)
    return after, [*fixed, *cancelled, *requested]


def _fixed(moved: Referral, case: Case) -> tuple[Referral, list[Said]]:
    """Who accepts may say at once when the person is expected."""
    command = case.command
    if command.command != "accept" or not command.starts_at:
        return moved, []
    known = appointments.schedule(moved.appointments, command.starts_at)
    return replace(moved, appointments=known), [(AppointmentScheduled, appointments.told(known[-1]))]


def _cancelled(moved: Referral) -> tuple[Referral, list[Said]]:
    fixed = [one for one in moved.appointments if one.state == SCHEDULED]
    if moved.state in EXPECTED or not fixed:
        return moved, []
    said: list[Said] = [
        (AppointmentCancelled, {"appointment": one.number, "starts_at": one.starts_at}) for one in fixed
    ]
    return replace(moved, appointments=appointments.cancel_all(moved.appointments)), said


def _owing(moved: Referral, case: Case) -> tuple[Referral, list[Said]]:
    """None is owed by who gave the command, by a sender to itself, or for what nobody has received."""
    sender, receiver = moved.parties
    obligation = case.row.obligation if case.row else None
    if obligation is None or receiver in (None, sender) or case.role == "receiver" or case.referral.seat == "asked":
        return moved, []
    receipt = receipts.request(obligation, case.facts.now, case.facts.calendar)
    said: Said = (ReceiptRequested, {"obligation": obligation, "receipt_due_at": receipt.due_at})
    return replace(moved, receipts=(*moved.receipts, receipt)), [said]
