"""A person is erased: what a referral forgets of them, and what its receiver owes for it."""

from dataclasses import replace

from contracts.beside import ReceiptRequested
from contracts.erasure import ReferralPersonErased
from contracts.values import Message
from services.referral.domain import life, receipts
from services.referral.domain.case import Facts
from services.referral.domain.referral import Entry, Referral, entered, snapshot

Outcome = tuple[Referral, list[Message]]

FORGET = "forget_person"
DELETION = "deletion_receipt"


def forget(referral: Referral, facts: Facts) -> Outcome:
    """Once. Who took the person in owes a receipt that it has deleted what it was told, unless it does already."""
    if referral.erased_at:
        return referral, []
    need = referral.need.model_copy(update={"priority_reason": None, "age_band_until": None})
    moved = replace(referral, version=referral.version + 1, erased_at=facts.now, need=need)
    known, said = snapshot(moved, facts.now, "system"), list[Message]()
    if _is_to_delete(referral):
        receipt = receipts.request(DELETION, facts.now, facts.calendar)
        moved = replace(moved, receipts=(*moved.receipts, receipt))
        said = [ReceiptRequested(**known, obligation=DELETION, receipt_due_at=receipt.due_at)]
    event = ReferralPersonErased(**known, obligation=DELETION if said else None)
    names = tuple(life.short(message) for message in (event, *said))
    entry = Entry(moved.version, facts.now, FORGET, "system", None, moved.state, names)
    return entered(moved, entry), [event, *said]


def _is_to_delete(referral: Referral) -> bool:
    """Before acceptance nobody could ask who the person is."""
    sender, receiver = referral.parties
    asked_before = any(one.obligation == DELETION for one in referral.receipts)
    return referral.accepted_at is not None and receiver not in (None, sender) and not asked_before
