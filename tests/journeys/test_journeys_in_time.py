"""The sample journeys in which time passes end as they are written, over Kafka, on the network's moved clock."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.chassis.settings import Settings
from tests.journeys.cities import a_city, assert_ends_as_written
from tests.journeys.played import JOURNEYS, Played
from tests.verified import assert_verified

IN_TIME = ("J03", "J05", "J06", "J08", "J09", "J11")


@asynccontextmanager
async def played(network: Settings, folder: Path, name: str, *, twice: bool = False) -> AsyncIterator[Played]:
    """The journey in a Palermo of its own."""
    async with a_city(network, folder) as city:
        yield Played(JOURNEYS[name], city.agencies, city.buses, city.processes, timed=True, twice=twice)


@pytest.mark.parametrize("name", IN_TIME)
async def test_a_journey_in_which_time_passes_ends_as_it_is_written(network: Settings, logs: Path, name: str) -> None:
    async with played(network, logs, name) as journey:
        await journey.play()

        await assert_ends_as_written(journey)
        await assert_verified(network.model_copy(update={"clock_file": str(journey.processes.clock)}))


@pytest.mark.parametrize("name", IN_TIME)
async def test_with_everything_said_twice_and_workers_killed_the_end_is_the_same(
    network: Settings, logs: Path, name: str
) -> None:
    async with played(network, logs, name, twice=True) as journey:
        killing = asyncio.create_task(journey.processes.kill_some(random.Random(int(name[1:]))))
        await journey.play()
        killing.cancel()
        await journey.processes.ready()
        assert journey.processes.killed

        await assert_ends_as_written(journey)
        await assert_verified(network.model_copy(update={"clock_file": str(journey.processes.clock)}))
