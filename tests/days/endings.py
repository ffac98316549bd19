"""How each need ended, and how long that took."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from uuid import UUID

from services.referral.domain import vital
from services.referral.domain.journey import Journey, Wanted
from services.referral.domain.referral import Referral
from services.referral.domain.tasks import OPEN, Task
from tests.offline import Offline

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ending:
    """how: in words; at: when, None while somebody owes the answer."""

    how: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    referrals: dict[UUID, Referral]
    tasks: dict[UUID | None, list[Task]]

    def last(self, need_id: UUID) -> tuple[UUID, Referral | None]:
        """The end of a need's chain; a successor for which nobody was found was never opened."""
        id, last = need_id, self.referrals.get(need_id)
        while last and last.successor_id:
            id, last = last.successor_id, self.referrals.get(last.successor_id)
        return id, last


def endings(network: Offline) -> Iterator[tuple[UUID, Ending]]:
    """Of every need, with its journey."""
    tasks: dict[UUID | None, list[Task]] = defaultdict(list)
    for task in (task for task in network.tasks if task.kind != vital.KIND):
        tasks[task.referral_id].append(task)
    kept = Kept(network.referrals, tasks)
    for journey in network.journeys:
        for need in journey.needs:
            yield journey.journey_id, _ending(need, journey, kept)


def _ending(need: Wanted, journey: Journey, kept: Kept) -> Ending:
    id, last = kept.last(need.need_id)
    final = next((record for record in journey.unmet if record.final and record.referral_id == id), None)
    if final:
        return Ending(f"unmet need, recorded as final ({final.reason})", final.at)
    if last is None:
        return Ending(f"answered by another referral of the same person ({need.state})")
    if last.is_open:
        return Ending(f"open, {last.state.lower().replace('_', ' ')}")
    entry, tasks = last.history[-1], kept.tasks[id]
    how = f"{last.state.lower()} ({entry.reason})"
    if last.state == "CLOSED" or not tasks:
        return Ending(how, entry.at)
    if any(task.state == OPEN for task in tasks):
        return Ending(f"{how}, the sender has a task")
    return Ending(f"{how}, decided by the sender", max(task.done_at for task in tasks if task.done_at))


def table(found: Iterable[tuple[UUID, Ending]], asked_at: dict[str, datetime]) -> Iterator[str]:
    """As Markdown, the most frequent first; days from the intake to the answer."""
    took: dict[str, list[float | None]] = defaultdict(list)
    for journey_id, ending in found:
        took[ending.how].append((ending.at - asked_at[str(journey_id)]) / DAY if ending.at else None)
    yield "| How it ended | Needs | Days, median | Days, longest |"
    yield "| --- | --- | --- | --- |"
    for how, days in sorted(took.items(), key=lambda row: (-len(row[1]), row[0])):
        known = [day for day in days if day is not None]
        shown = (f"{median(known):.1f}", f"{max(known):.1f}") if known else ("", "")
        yield f"| {how} | {len(days)} | {shown[0]} | {shown[1]} |"
