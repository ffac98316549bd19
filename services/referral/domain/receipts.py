"""What a receiver owes after a referral was taken from it: to say that it saw the withdrawal, or deleted the data."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.referral.domain import clocks
from services.referral.domain.clocks import Calendar


@dataclass(frozen=True, slots=True)
class Receipt:
    """obligation: a code of `transitions.json`."""

    obligation: str
    requested_at: datetime
    due_at: datetime
    confirmed_at: datetime | None = None


Receipts = tuple[Receipt, ...]


def request(obligation: str, now: datetime, calendar: Calendar) -> Receipt:
    """On the clock of the city where it is owed."""
    return Receipt(obligation, now, clocks.due(clocks.of_review(obligation), now, calendar))


def owed(known: Receipts, obligation: str | None) -> Receipt | None:
    return next((one for one in known if one.obligation == obligation and one.confirmed_at is None), None)


def confirm(known: Receipts, obligation: str | None, now: datetime) -> Receipts:
    met = owed(known, obligation)
    return tuple(replace(one, confirmed_at=now) if one is met else one for one in known)
