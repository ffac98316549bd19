"""What is due is looked for by every service that has something to end, also while its store is away, and not asked for
again and again while it is not done.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI, Request, Response
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.values import Message
from services.chassis import operations, sweep
from services.chassis.service import Context, Service
from services.chassis.settings import Settings
from services.chassis.sweep import Asked, Due, note, to_ask
from services.housing.app import service as housing
from services.intake.app import service as intake
from services.programmes.app import service as programmes
from services.referral.app import service as referral
from tests.builders import an_agency
from tests.processes import free_port


@pytest.mark.parametrize("service", [housing, intake, programmes, referral], ids=lambda service: service.name)
async def test_a_sweep_waits_for_a_store_that_is_away(caplog: pytest.LogCaptureFixture, service: Service) -> None:
    away: Any = AsyncIOMotorClient(f"mongodb://127.0.0.1:{free_port()}", timeoutMS=200)
    context = Context(service.name, Settings(), away.nowhere, AsyncMock())
    with caplog.at_level(logging.WARNING), pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(job(context) for job in service.jobs)), 2.5)
    away.close()

    assert [record.getMessage() for record in caplog.records if "wait: ServerSelectionTimeoutError" in record.message]


def test_what_is_due_and_not_done_is_asked_for_at_once_then_ever_more_seldom_and_an_hour_apart_at_most() -> None:
    asked: Asked = {}
    stuck, later = (Due(datetime.now(UTC), uuid4(), uuid4(), an_agency()) for _ in range(2))
    times: dict[UUID, list[int]] = {stuck.id: [], later.id: []}

    for second in range(100_000, 120_000):
        for one in to_ask(asked, [stuck, later] if second > 101_000 else [stuck], second):
            times[one.id].append(second - 100_000)
            note(asked, one.id, second)

    assert times[stuck.id] == [0, 120, 240, 480, 960, 1920, 3840, 7440, 11040, 14640, 18240]
    assert times[later.id][:2] == [1001, 1121]


@dataclass
class Store:
    """Tells the time, so far from ours."""

    ahead: timedelta = timedelta(0)

    async def command(self, name: str) -> dict[str, Any]:
        assert name == "hello"
        return {"localTime": (datetime.now(UTC) + self.ahead).replace(tzinfo=None)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """What sweeps have asked for."""
    found: list[UUID] = []

    async def publish(_context: Context, _command: Message, *, id: UUID, at: datetime, journey_id: object) -> None:
        found.append(id)

    monkeypatch.setattr(sweep, "publish", publish)
    monkeypatch.setattr(sweep, "EVERY_S", 0.01)
    return found


async def swept(context: Context, one: Due) -> None:
    async def due(_db: Any, _now: datetime) -> AsyncIterator[Due]:
        yield one

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sweep.sweeping(due, "holds")(context), 0.2)


async def test_a_sweep_asks_once_for_what_stays_due(asked: list[UUID], tmp_path: Path) -> None:
    one, clock = Due(datetime.now(UTC), uuid4(), uuid4(), an_agency()), tmp_path / "clock"
    clock.write_text("900000")

    await swept(Context("housing", Settings(clock_file=str(clock), environment="test"), Store(), AsyncMock()), one)

    assert asked == [one.id]


@pytest.mark.parametrize("ahead", [timedelta(minutes=-2), timedelta(days=1)])
async def test_nothing_is_swept_while_the_clocks_of_worker_and_store_differ(
    asked: list[UUID], caplog: pytest.LogCaptureFixture, ahead: timedelta
) -> None:
    one, store = Due(datetime.now(UTC), uuid4(), uuid4(), an_agency()), Store(ahead)
    context = Context("housing", Settings(), store, AsyncMock())

    await swept(context, one)
    assert (asked, context.clock.is_right, len(caplog.records)) == ([], False, 1)

    store.ahead = timedelta(seconds=30)
    await swept(context, one)
    assert (asked, context.clock.is_right) == ([one.id], True)


@pytest.mark.parametrize(("wrong", "status"), [("clock", 200), ("store", 503)])
async def test_a_wrong_clock_is_told_and_keeps_nobody_out(
    monkeypatch: pytest.MonkeyPatch, wrong: str, status: int
) -> None:
    seen = dict.fromkeys(("broker", "store", "outbox", "first", "clock"), True) | {wrong: False}
    monkeypatch.setattr(operations, "look", AsyncMock(return_value=seen))
    request, response = Request({"type": "http", "app": FastAPI()}), Response()
    request.app.state.worker = None

    said = await operations.ready(request, response)

    assert (said, response.status_code) == ({"ready": status == 200} | seen, status)


def test_what_is_no_longer_due_is_forgotten() -> None:
    done = Due(datetime.now(UTC), uuid4(), uuid4(), an_agency())
    asked: Asked = {}
    note(asked, done.id, 1)

    to_ask(asked, [], 2)

    assert asked == {}
