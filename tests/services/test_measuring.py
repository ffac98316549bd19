"""No need without an answer, as a measurement: collected over OTLP from two workers of referral as they run."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.events import ReferralSeatHeld
from contracts.journeys import OpenTask, TaskOpened
from services.chassis.settings import Settings
from services.chassis.spans import ALLOWED
from services.referral import reading, store
from services.referral.domain import owing, tasks
from services.referral.domain.journey import Journey, Wanted
from services.referral.domain.needs import referral_id
from services.referral.domain.referral import successor_id
from tests.builders import NOW, PALERMO, a_basis, a_recorded_intake, a_referral
from tests.collector import Point, collector
from tests.processes import Processes, running
from tests.services.bus import Bus, bus

INTAKE = UUID(int=7)
NEEDS, UNANSWERED, PARKED = "staffetta.needs", "staffetta.needs.unanswered", "staffetta.parked.keys"


@dataclass
class Measured:
    bus: Bus
    db: Any
    processes: Processes
    points: list[Point] = field(default_factory=list)

    @property
    def of_needs(self) -> list[Point]:
        """What one worker tells of needs; what each tells of itself left out."""
        return [point for point in self.points if point.name != PARKED]

    def latest(self) -> dict[Any, int]:
        """Needs by their state, and those that nobody owes an answer, as told last."""
        return {(dict(p.attributes).get("staffetta.need.state") or p.name): p.value for p in self.of_needs}

    async def until(self, seconds: float = 60, **wanted: int) -> None:
        async with asyncio.timeout(seconds):
            while wanted.items() - {(name.rpartition(".")[2], value) for name, value in self.latest().items()}:
                await asyncio.sleep(0.1)

    async def heard(self, *kinds: type) -> None:
        async with asyncio.timeout(60):
            while set(kinds) - {type(m.message) for m in self.bus.heard}:
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def measured(network: Settings, logs: Path) -> AsyncIterator[Measured]:
    points: list[Point] = []
    services = ("directory", "referral", "programmes")
    async with collector(points) as (url, _):
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRIC_EXPORT_INTERVAL": "300"}
        async with running(network, logs, services, environment=told) as processes, bus(network, "referral") as talk:
            await processes.start("referral", "1")
            await processes.ready()
            client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True)
            yield Measured(talk, client[network.named("referral")], processes, points)
            client.close()


async def test_needs_under_way_are_told_by_one_worker_and_one_that_nobody_owes_is_seen(measured: Measured) -> None:
    waits = {"service": "lab.it", "depends_on": "health.primary"}
    given = (a_basis(), a_basis("pa.accura"), a_basis("pa.salute"))

    await measured.bus.ask(
        a_recorded_intake("health.primary", waits, "housing.rent_support", intake_id=INTAKE, sharing_basis=given)
    )
    await measured.heard(ReferralSeatHeld, TaskOpened)
    await measured.until(open=1, waiting=1, linked=0, unanswered=0)
    by = {(point.service, point.instance) for point in measured.of_needs}
    measured.processes.again = False
    measured.processes.kill("referral-" + next(iter(by))[1])
    await measured.db.referrals.update_one({"_id": str(referral_id(INTAKE, 0))}, {"$set": {"due_at": None}})
    await measured.until(open=1, waiting=1, linked=0, unanswered=1)

    assert len(by) == 1
    assert {(point.service, point.instance) for point in measured.of_needs} - by, "another worker tells it now"
    assert {name for point in measured.points for name, _ in point.attributes} <= ALLOWED
    assert {point.name for point in measured.points} == {NEEDS, UNANSWERED, PARKED}


async def test_who_owes_is_found_along_the_chain_and_where_a_need_leans_also_when_the_last_was_never_opened(
    network: Settings,
) -> None:
    passed_on, declined, forgotten = (UUID(int=n) for n in (11, 12, 13))
    other = a_referral("ACCEPTED", referral_id=UUID(int=14))
    chain = [
        a_referral("REROUTED", referral_id=passed_on, successor_id=successor_id(passed_on), timers=()),
        a_referral("ACCEPTED", referral_id=successor_id(passed_on)),
        a_referral("DECLINED", referral_id=declined, successor_id=successor_id(declined), timers=()),
        a_referral("DECLINED", referral_id=forgotten, successor_id=successor_id(forgotten), timers=()),
    ]
    needs = tuple(Wanted(id, "health.primary", None, "open") for id in (passed_on, declined, forgotten))
    client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True)
    db = client[network.named("referral")]
    documents = [store.REFERRAL.dump_python(of, mode="json") | {"due_at": of.due_at} for of in (other, *chain)]
    await db.referrals.insert_many([doc | {"_id": doc["referral_id"]} for doc in documents])
    await db.decisions.insert_one({"_id": str(successor_id(declined)), "linked_id": str(other.referral_id)})
    confirming = OpenTask(
        task_id=UUID(int=15), kind="confirm_vital_interest", journey_id=INTAKE, referral_id=forgotten,
        service="health.primary", agency="pa.comune", queue="pa.comune.desk", city="palermo",
    )  # fmt: skip
    task, _ = tasks.open_task(confirming, NOW, PALERMO)
    await db.tasks.insert_one(store.TASK.dump_python(task, mode="json"))
    journey = store.JOURNEY.dump_python(Journey(INTAKE, needs=needs), mode="json")
    await db.journeys.insert_one(journey | {"_id": journey["journey_id"]})

    counted = owing.counted([kept async for kept in reading.read_under_way(db)])

    assert (counted.by_state["open"], counted.unanswered) == (3, 1), "all but the one whose chain ends with nobody"
    client.close()
