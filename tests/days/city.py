"""One city from its sample intakes on, due time by due time; after every day each need is looked at."""

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from contracts.directory import Agency, Offer
from services.cli.verify.checks import needs, sharing
from services.cli.verify.loaded import Loaded
from services.referral import reading
from services.referral.domain import owing
from services.referral.domain.owing import Counted
from tests.days.population import Doing, Population
from tests.offline import HANDLERS, Offline, finished

Doc = dict[str, Any]

SAMPLES = Path(__file__).parents[1] / "samples"
EXPECTED = json.loads((SAMPLES / "intakes.palermo.expected.json").read_text("utf-8"))
INTAKES = [json.loads(line) for line in (SAMPLES / "intakes.palermo.jsonl").read_text("utf-8").splitlines()]
BEGIN = datetime.combine(date.fromisoformat(EXPECTED["as_of"]), time(12), UTC)
BETWEEN, DAY = timedelta(minutes=3), timedelta(days=1)


@cache
def directory() -> tuple[tuple[Agency, ...], tuple[Offer, ...]]:
    files = [json.loads((SAMPLES / name).read_text("utf-8")) for name in EXPECTED["directories"]]
    agencies = tuple(Agency.model_validate(entry) for file in files for entry in file["agencies"])
    return agencies, tuple(Offer.model_validate(entry) for file in files for entry in file["offers"])


@dataclass
class City:
    """asked_at: when each intake was taken. refused: what the network did not take of what desks said."""

    seed: int
    intakes: int = len(INTAKES)
    coming: list[tuple[datetime, int, str, str, Doing]] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    asked_at: dict[str, datetime] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        agencies, offers = directory()
        self.network = Offline(agencies, offers, now=BEGIN, services=tuple(HANDLERS))
        self.population = Population(Random(self.seed), BEGIN + DAY)
        self.numbers = count(1)
        for n, intake in enumerate(INTAKES[: self.intakes]):
            told = Doing(n * BETWEEN, "staffetta.intake.submit.v1", intake)
            self.will_do(intake["tier0"]["sender_agency"], "", told, BEGIN)

    def days(self, days: int) -> Iterator[int]:
        """Live through so many days; yields each when it is over."""
        for day in range(1, days + 1):
            self._until(BEGIN + day * DAY)
            yield day

    def _until(self, end: datetime) -> None:
        """What is due and what somebody does, in the order of time; after each, desks read what they were told."""
        while True:
            next_at = min([at for at, *_ in self.coming[:1]] + [end])
            if not self.network.step(next_at):
                if not self.coming or self.coming[0][0] > end:
                    break
                self._do(*heapq.heappop(self.coming))
            self._read()
        self.network.now = end

    def _do(self, at: datetime, n: int, agency: str, queue: str, doing: Doing) -> None:
        if queue and not self.population.is_there(queue, at):
            return
        self.network.now = at
        id = f"{agency}/{n}"
        value = doing.fields if "tier0" in doing.fields else doing.fields | {"agency": agency, "command_id": id}
        answer = self.network.say(agency, doing.type, value, id)
        assert answer, f"{doing.type} has no answer"
        if answer["type"] == "staffetta.command.rejected.v1":
            self.refused.append(f"{doing.fields.get('command', doing.type)}: {answer['value']['code']}")
        elif "tier0" in doing.fields:
            self.asked_at.setdefault(answer["value"]["subject"], at)

    def _read(self) -> None:
        for agency, feed in self.network.feeds.items():
            for entry in feed[self.seen.get(agency, 0) :]:
                queue, doings = self.population.moved_by(agency, entry)
                for doing in doings:
                    self.will_do(agency, queue, doing, entry["at"])
            self.seen[agency] = len(feed)

    def will_do(self, agency: str, queue: str, doing: Doing, now: datetime) -> None:
        heapq.heappush(self.coming, (now + doing.after, next(self.numbers), agency, queue, doing))

    # -- what is looked at ---------------------------------------------------------------------------------------------
    def wrong(self) -> list[str]:
        """Of every need, and of everything that is open: what `staffetta verify` finds."""
        docs = {
            (service, name): {str(doc["_id"]): doc for doc in shelf.all()}
            for service, db in self.network.dbs.items()
            for name, shelf in db.items()
        }
        loaded = Loaded(docs=docs)
        seen = [*needs.check(loaded), *sharing.check(loaded)]
        return [f"{one.aggregate}: {wrong}" for one in seen for wrong in one.wrong]

    def measured(self) -> Counted:
        """What the worker that sweeps would tell of it."""

        async def look() -> Counted:
            return owing.counted([kept async for kept in reading.read_under_way(self.network.db)])

        return finished(look())
