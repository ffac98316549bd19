"""The numbers of the network are as of the last full hour, whoever looks and how often."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio

from services.chassis.service import Context
from services.chassis.settings import Settings
from services.console import counting, gate, hourly, store
from services.console.domain import national, picture
from services.console.domain.access import ROLES, Actor
from services.console.domain.national import Numbers
from services.console.hourly import Hourly
from tests.networks import database

NINE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOTHING = national.numbers([], [])
DESK = Actor("n", "Nadia", None, frozenset({"national"}))
number = count()


@pytest_asyncio.fixture
async def db(network: Settings) -> AsyncIterator[Any]:
    async with database(network, "console") as found:
        await found[store.AGENCIES].insert_one({"_id": "pa.comune", "city": "palermo"})
        yield found


async def sent(db: Any, at: datetime, times: int) -> None:
    """So many needs of Palermo, each first sent at this moment."""
    for n in (next(number) for _ in range(times)):
        row = {"journey_id": f"j-{n}", "service": "legal.advice", "sender_agency": "pa.comune", "hop": 0,
               "sent_at": at, "answered_at": None, "in_error": False}  # fmt: skip
        await db[store.COUNTED].insert_one(picture.tally(None, "palermo", 0, f"r-{n}", row) | {"_id": str(n)})


async def looked(db: Any, now: datetime, kept: Hourly, who: Actor = DESK) -> Numbers:
    return await (await gate.opened(db, who, lambda: now, kept)).numbers()


async def test_within_an_hour_whatever_happens_the_numbers_stay(db: Any) -> None:
    kept = Hourly()
    await sent(db, NINE - MINUTE, 6)

    first = await looked(db, NINE + MINUTE, kept)
    await sent(db, NINE - MINUTE, 6)
    await sent(db, NINE + 2 * MINUTE, 6)
    again = await looked(db, NINE + 59 * MINUTE, kept)
    anew = await looked(db, NINE + 59 * MINUTE, Hourly())
    next_hour = await looked(db, NINE + 60 * MINUTE, kept)

    assert first.total.needs == again.total.needs == 5
    assert anew.total.needs == 10
    assert next_hour.total.needs == 15


@pytest.mark.parametrize("role", sorted(ROLES - {"national"}))
async def test_who_is_not_of_the_national_desk_is_told_nothing_of_what_is_kept(db: Any, role: str) -> None:
    kept = Hourly()
    await sent(db, NINE - MINUTE, 6)
    assert await looked(db, NINE, kept) != NOTHING

    other = Actor("o", "Olga", "pa.comune", frozenset({role}), cities=frozenset({"palermo"}))

    assert await looked(db, NINE, kept, other) == NOTHING


async def test_the_numbers_of_an_hour_are_made_before_anybody_looks(
    db: Any, network: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun two seconds before an hour is full."""
    monkeypatch.setattr(counting, "AFTER", timedelta(hours=1, seconds=0.5))
    full = national.last_hour(datetime.now(UTC)) + timedelta(hours=1)
    await sent(db, full - MINUTE, 6)
    (tmp_path / "clock").write_text(str((full - datetime.now(UTC)).total_seconds() - 2))
    settings = network.model_copy(update={"clock_file": str(tmp_path / "clock")})

    job = asyncio.create_task(counting.keep_counting(Context("console", settings, db, AsyncMock())))
    async with asyncio.timeout(20):
        while (kept := hourly.of_this_process).made is None:
            await asyncio.sleep(0.05)
        told = await kept.made
    job.cancel()

    assert (kept.until, told.total.needs) == (full, 5)


async def test_who_looks_meanwhile_waits_for_the_same_and_a_failure_is_not_kept() -> None:
    kept, made = Hourly(), list[int]()

    async def make() -> Numbers:
        made.append(len(made))
        await asyncio.sleep(0)
        if len(made) == 1:
            raise ConnectionError
        return NOTHING

    failed = await asyncio.gather(kept.of(NINE, make), kept.of(NINE, make), return_exceptions=True)
    told = await asyncio.gather(kept.of(NINE, make), kept.of(NINE, make))

    assert [type(one) for one in failed] == [ConnectionError] * 2
    assert (list(told), len(made)) == ([NOTHING, NOTHING], 2)
