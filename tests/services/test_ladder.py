"""Nobody answers, in a network that runs: its clock is moved by days, workers are killed, each step comes once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.beside import TimerFired
from contracts.events import ReferralExpired, ReferralSeatHeld
from contracts.journeys import TaskOpened, TaskOverdue, UnmetNeedRecorded
from contracts.values import Message
from services.chassis.settings import Settings
from services.referral.domain.needs import referral_id
from services.referral.domain.referral import successor_id
from tests.agency import Agency
from tests.builders import an_intake
from tests.processes import Processes, running
from tests.services.bus import Bus, bus
from tests.verified import assert_verified

M = TypeVar("M", bound=Message)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = 10
"""No more than each of the two agencies has places."""


@dataclass
class Ladder:
    """Ten urgent needs that nobody answers."""

    bus: Bus
    processes: Processes
    db: Any
    comune: Agency
    intakes: list[UUID] = field(default_factory=list)

    async def ask(self, key: str) -> None:
        """An urgent need for a first visit, which two agencies could give."""
        intake = an_intake(f"pa.comune/{key}", priority="URGENT", services=("health.primary",))
        basis = intake["tier0"]["sharing_basis"][0]
        intake["tier0"]["sharing_basis"].append(basis | {"basis_id": "b2", "recipient": "pa.salute"})
        await self.comune.submit(intake)
        answer = await self.comune.answer(intake["idempotency_key"])
        self.intakes.append(UUID(answer["value"]["subject"]))

    @property
    def asked(self) -> list[UUID]:
        return [referral_id(id, 0) for id in self.intakes]

    def heard(self, kind: type[M]) -> list[M]:
        """What was said of them; the same message again is a repeat."""
        of_ours = {str(id) for id in self.intakes}
        once = {m.id: m.message for m in self.bus.heard if m.correlation_id in of_ours}
        return [message for message in once.values() if isinstance(message, kind)]

    async def until(self, kind: type[M], count: int, seconds: float = 180) -> list[M]:
        async with asyncio.timeout(seconds):
            while len(found := self.heard(kind)) < count:
                await asyncio.sleep(0.05)
        return found

    async def steps(self, of: list[UUID], timer: str, *percents: int, seconds: float = 180) -> None:
        """Until each of these referrals has taken each of these steps."""
        wanted = {(id, timer, percent) for id in of for percent in percents}
        async with asyncio.timeout(seconds):
            while wanted - {(m.referral_id, m.timer, m.percent) for m in self.heard(TimerFired)}:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def speaking(agency: str, network: Settings) -> AsyncIterator[Agency]:
    speaker = Agency(agency, network.kafka_url, f"{network.namespace}-")
    await speaker.open()
    try:
        yield speaker
    finally:
        await speaker.close()


@pytest_asyncio.fixture
async def ladder(network: Settings, logs: Path) -> AsyncIterator[Ladder]:
    """The whole relay; two workers of referral sweep."""
    async with (
        running(network, logs) as processes,
        bus(network, "referral") as talk,
        speaking("pa.comune", network) as comune,
    ):
        await processes.start("referral", "1")
        await processes.ready()
        client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True)
        yield Ladder(talk, processes, client[network.named("referral")], comune)
        client.close()


async def test_what_nobody_answers_climbs_expires_and_goes_on_and_each_step_comes_once(
    ladder: Ladder, network: Settings
) -> None:
    for n in range(PEOPLE):
        await ladder.ask(f"LADDER-{n}")
    await ladder.until(ReferralSeatHeld, PEOPLE)
    asked, after = ladder.asked, [successor_id(id) for id in ladder.asked]

    ladder.processes.move_clock(13 * HOUR)
    await ladder.steps(asked, "acknowledge", 50)
    ladder.processes.move_clock(25 * HOUR)
    ladder.processes.kill("referral-0")
    await ladder.steps(asked, "acknowledge", 100)
    await ladder.steps(asked, "decide", 50)
    ladder.processes.move_clock(49 * HOUR)
    ladder.processes.kill("referral-1")
    await ladder.until(ReferralExpired, PEOPLE)
    await ladder.until(ReferralSeatHeld, 2 * PEOPLE)
    ladder.processes.move_clock(110 * HOUR)
    ladder.processes.kill("referral-0")
    await ladder.until(TaskOpened, PEOPLE)
    ladder.processes.move_clock(14 * DAY)
    await ladder.until(TaskOverdue, 2 * PEOPLE)

    fired = Counter((m.referral_id, m.timer, m.percent) for m in ladder.heard(TimerFired))
    climbed = [("acknowledge", 50), ("acknowledge", 100), ("acknowledge", 150), ("acknowledge", 200), ("decide", 50)]
    assert {step: count for step, count in fired.items() if count > 1} == {}
    assert {(id, *step) for id in [*asked, *after] for step in climbed} <= set(fired)
    expired = Counter(m.referral_id for m in ladder.heard(ReferralExpired))
    assert expired == Counter([*asked, *after])
    assert Counter(m.referral_id for m in ladder.heard(UnmetNeedRecorded) if m.final) == Counter(
        successor_id(id) for id in after
    )
    overdue = Counter((m.task_id, m.percent) for m in ladder.heard(TaskOverdue))
    assert set(overdue.values()) == {1}
    assert await ladder.db.parked.count_documents({}) == 0
    await assert_verified(network.model_copy(update={"clock_file": str(ladder.processes.clock)}))
