"""No need without an answer, of the needs that are under way: who owes the answer to one, and until when."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.referral.domain import table
from services.referral.domain.journey import Wanted

UNDER_WAY = ("open", "waiting", "linked")
"""States of a need (`Wanted`) that no service was given for yet, and none refused for good."""


@dataclass(frozen=True, slots=True)
class Lying:
    """Where a referral lies. due_at: of its earliest timer; successor_id: who took over, or was to."""

    state: str
    owner: str | None
    due_at: datetime | None
    successor_id: str | None

    @property
    def is_owed(self) -> bool:
        return self.state in table.OPEN_STATES and bool(self.owner) and self.due_at is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of some journeys. tasked: referrals about which somebody has a task that is open and has a due time.

    linked: of needs that were not sent, of their last referral, and of those that a receiver declined for it, the
    referral that they lean on.
    """

    needs: tuple[Wanted, ...]
    referrals: Mapping[str, Lying] = field(default_factory=dict)
    tasked: Collection[str] = ()
    linked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """by_state: needs under way; unanswered: those of them that nobody owes an answer."""

    by_state: Mapping[str, int]
    unanswered: int


def counted(kept: Iterable[Kept]) -> Counted:
    states, unanswered = Counter[str](dict.fromkeys(UNDER_WAY, 0)), 0
    for some in kept:
        under_way = [need for need in some.needs if need.state in UNDER_WAY]
        states.update(need.state for need in under_way)
        unanswered += sum(not is_owed(need, some) for need in under_way)
    return Counted(states, unanswered)


def is_owed(need: Wanted, kept: Kept) -> bool:
    """By where its last referral lies or the one that it leans on, or by whoever has a task about it."""
    first, last = str(need.need_id), last_of(str(need.need_id), kept.referrals)
    held_by = (kept.referrals.get(id) for id in (last, kept.linked.get(last, ""), kept.linked.get(first, "")))
    return bool({first, last} & set(kept.tasked)) or any(lying and lying.is_owed for lying in held_by)


def last_of(first: str, referrals: Mapping[str, Lying]) -> str:
    """The end of the chain that a need's first referral began; one that was never opened counts as well."""
    last = first
    while (lying := referrals.get(last)) and lying.successor_id:
        last = lying.successor_id
    return last
