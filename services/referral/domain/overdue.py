"""What a receipt does that does not come: both sides are told, again and again."""

from dataclasses import replace

from contracts.beside import ReceiptOverdue
from contracts.commands import ChaseReceipt
from contracts.values import Message
from services.referral.domain import receipts
from services.referral.domain.case import Facts
from services.referral.domain.referral import Entry, Referral, entered, snapshot

Outcome = tuple[Referral, list[Message]]

CHASE = "chase_receipt"


def chase(referral: Referral, command: ChaseReceipt, facts: Facts) -> Outcome:
    """Nothing when it came meanwhile, is not late yet, or was asked for already."""
    late = receipts.owed(referral.receipts, command.obligation)
    if late is None or late.next_at != command.due_at or facts.now < command.due_at:
        return referral, []
    owed = receipts.chase(referral.receipts, late, facts.now, facts.calendar)
    moved = replace(referral, version=referral.version + 1, receipts=owed)
    known = snapshot(moved, facts.now, "system")
    event = ReceiptOverdue(**known, obligation=late.obligation, receipt_due_at=late.due_at)
    entry = Entry(moved.version, facts.now, CHASE, "system", None, moved.state, ("receipt.overdue",))
    return entered(moved, entry), [event]
