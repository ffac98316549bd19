"""The places of one offer: who holds them, who took them, who waits; never more than there are.

All places of an offer are one aggregate, so that two who ask at the same instant are judged one after the other.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from contracts import codes
from contracts.places import HoldPlaces, LapseHold


@dataclass(frozen=True, slots=True)
class Party:
    """A referral that asks for places. lapses: how often it let a place go that was held for it."""

    referral_id: UUID
    journey_id: UUID
    places: int
    priority: str
    sent_at: datetime
    lapses: int = 0

    @property
    def rank(self) -> tuple[int, int, datetime, str]:
        """Order rule `priority_then_sent_at`, after those who never let a place go."""
        return self.lapses, codes.codes("priorities")[self.priority]["rank"], self.sent_at, str(self.referral_id)


@dataclass(frozen=True, slots=True)
class Taken:
    """Places that are not free: held until an instant (None: until a person decides), or confirmed."""

    party: Party
    until: datetime | None = None
    promoted: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """total: None before the directory has told it; what is asked meanwhile waits in `early`.

    let_go: who held a place until its time was over; an acceptance may still be on its way, or have come too late.
    closes_at: when its last day is over.
    """

    offer: str
    version: int = 0
    kind: str = ""
    total: int | None = None
    is_open: bool = True
    waitlist: bool = False
    order_rule_version: int | None = None
    taken: tuple[Taken, ...] = ()
    waiting: tuple[Party, ...] = ()
    let_go: tuple[Party, ...] = ()
    early: tuple[HoldPlaces, ...] = ()
    closes_at: datetime | None = None

    def as_of(self, now: datetime) -> "Places":
        """The same places, closed if the last day is over."""
        return replace(self, is_open=False) if self.closes_at and self.closes_at <= now else self

    @property
    def free(self) -> int:
        """Below zero when the directory took away places that were taken."""
        return (self.total or 0) - sum(taken.party.places for taken in self.taken)

    def may_have(self, party: Party) -> bool:
        """Whether a place may ever be free for this one, as the directory says now."""
        return self.is_open and party.places <= (self.total or 0)

    @property
    def next_until(self) -> datetime | None:
        """When the first of the holds is over."""
        return min((taken.until for taken in self.taken if taken.until), default=None)

    def taken_by(self, referral_id: UUID) -> Taken | None:
        return next((taken for taken in self.taken if taken.party.referral_id == referral_id), None)

    def without(self, referral_id: UUID) -> "Places":
        """The same places, with a referral that has none of them forgotten."""
        return replace(
            self,
            waiting=tuple(p for p in self.waiting if p.referral_id != referral_id),
            let_go=tuple(p for p in self.let_go if p.referral_id != referral_id),
            early=tuple(e for e in self.early if e.referral_id != referral_id),
        )

    def empty_handed(self, referral_id: UUID) -> Party | None:
        """A referral that is known here and has no place now."""
        return next((party for party in self.waiting + self.let_go if party.referral_id == referral_id), None)


def lapsing(places: Places, until: datetime) -> list[LapseHold]:
    """The holds that were over at this instant."""
    return [
        LapseHold(offer=places.offer, referral_id=t.party.referral_id, journey_id=t.party.journey_id, until=t.until)
        for t in places.taken
        if t.until and t.until <= until
    ]
