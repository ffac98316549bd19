"""What the sweep asks for after a downtime: step after step as each was due, of whatever referral or task."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from contracts.commands import ChaseReceipt, FireTimer
from contracts.journeys import ChaseTask
from services import chassis
from services.chassis.service import Context
from services.chassis.settings import Settings
from services.referral import sweep
from tests.networks import database

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(microsecond=0)
OTHERS = 20
Command = FireTimer | ChaseReceipt | ChaseTask


@pytest_asyncio.fixture
async def db(network: Settings) -> AsyncIterator[Any]:
    async with database(network, "referral") as found:
        yield found


def steps(*hours_ago: int) -> list[dict[str, Any]]:
    return [{"percent": 50 + n, "at": NOW - hours * HOUR} for n, hours in enumerate(hours_ago)]


def a_referral(*hours_ago: int) -> dict[str, Any]:
    """One whose clock has steps that were due so long ago."""
    times = {"started_at": NOW - 99 * HOUR, "due_at": NOW - 9 * HOUR}
    timer = {"code": "decide", "version": 1, "steps": steps(*hours_ago), **times}
    known = {"_id": str(uuid4()), "need": {"journey_id": str(uuid4())}, "timers": [timer], "receipts": []}
    return known | {"next_at": NOW - hours_ago[0] * HOUR}


def a_task(*hours_ago: int) -> dict[str, Any]:
    known = {"_id": str(uuid4()), "journey_id": str(uuid4()), "steps": steps(*hours_ago)}
    return known | {"next_at": NOW - hours_ago[0] * HOUR}


async def test_by_a_wrong_clock_nobody_takes_the_lease(
    db: Any, network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping = sweep.Sweeping(Context("referral", network, db, AsyncMock()))
    monkeypatch.setattr(chassis.sweep, "APART", timedelta(days=-1))
    assert not await sweeping.is_ours()
    assert await db.leases.count_documents({}) == 0

    monkeypatch.undo()
    assert await sweeping.is_ours()


async def test_after_a_downtime_what_was_due_first_is_asked_for_first(
    db: Any, network: Settings, monkeypatch: Any
) -> None:
    hours = Random(3).sample(range(10, 90), OTHERS)
    referrals = [a_referral(h, h - 9) for h in hours]
    await db.referrals.insert_many([*referrals, a_referral(-1)])
    await db.tasks.insert_many([a_task(50, 5), a_task(-1)])
    asked: list[tuple[str, int]] = []

    async def publish(_context: Context, command: Command, *, id: UUID, at: datetime, journey_id: object) -> None:
        assert isinstance(command, FireTimer | ChaseTask)
        asked.append((str(command.task_id if isinstance(command, ChaseTask) else command.referral_id), command.percent))

    monkeypatch.setattr(sweep, "publish", publish)
    await sweep.Sweeping(Context("referral", network, db, AsyncMock())).once()

    due = {(doc["_id"], step["percent"]): step["at"] for doc in referrals for step in doc["timers"][0]["steps"]}
    due |= {(doc["_id"], step["percent"]): step["at"] async for doc in db.tasks.find() for step in doc["steps"]}
    times = [due[step] for step in asked]
    assert len(times) == 2 * OTHERS + 2
    assert times == sorted(times)
