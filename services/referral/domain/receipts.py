"""What a receiver owes after a referral was taken from it: to say that it saw the withdrawal, or deleted the data."""

from dataclasses import dataclass, replace
from datetime import datetime

from contracts import codes
from services.referral.domain import clocks
from services.referral.domain.clocks import Calendar

OBLIGATIONS = codes.codes("transitions", "obligations")


@dataclass(frozen=True, slots=True)
class Receipt:
    """obligation: a code of `transitions.json`. again_at: when one that was told to be late is told so once more."""

    obligation: str
    requested_at: datetime
    due_at: datetime
    again_at: datetime | None = None
    confirmed_at: datetime | None = None

    @property
    def next_at(self) -> datetime | None:
        """When it is late; None once it came."""
        return None if self.confirmed_at else self.again_at or self.due_at


Receipts = tuple[Receipt, ...]


def request(obligation: str, now: datetime, calendar: Calendar) -> Receipt:
    return Receipt(obligation, now, due(obligation, now, calendar))


def owed(known: Receipts, obligation: str | None) -> Receipt | None:
    return next((one for one in known if one.obligation == obligation and one.confirmed_at is None), None)


def confirm(known: Receipts, obligation: str | None, now: datetime) -> Receipts:
    met = owed(known, obligation)
    return tuple(replace(one, confirmed_at=now) if one is met else one for one in known)


def chase(known: Receipts, late: Receipt, now: datetime, calendar: Calendar) -> Receipts:
    """It is told to be late, and due once more after as long."""
    again = replace(late, again_at=due(late.obligation, now, calendar))
    return tuple(again if one is late else one for one in known)


def due(obligation: str, now: datetime, calendar: Calendar) -> datetime:
    """The limit is one of `priorities.json`, on the clock of the city where it is owed."""
    return clocks.due(clocks.of_review(OBLIGATIONS[obligation]["limit_from"].partition(".")[2]), now, calendar)
