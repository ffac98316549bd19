"""The sample journeys in which time passes end as they are written, over Kafka, on the network's moved clock.

Each in a Palermo of its own, disturbed.
"""

import asyncio
import random
from pathlib import Path

import pytest

from services.chassis.settings import Settings
from tests.journeys.cities import a_city, assert_ends_as_written
from tests.journeys.played import JOURNEYS, Played
from tests.verified import assert_verified

IN_TIME = ("J03", "J05", "J06", "J08", "J09", "J11")


@pytest.mark.parametrize("name", IN_TIME)
async def test_with_everything_said_twice_and_workers_killed_the_end_is_as_it_is_written(
    network: Settings, logs: Path, name: str
) -> None:
    async with a_city(network, logs) as city:
        journey = Played(JOURNEYS[name], city.agencies, city.buses, city.processes, timed=True, twice=True)
        killing = asyncio.create_task(journey.processes.kill_some(random.Random(int(name[1:]))))
        await journey.play()
        killing.cancel()
        await journey.processes.ready()
        assert journey.processes.killed

        await assert_ends_as_written(journey)
        await assert_verified(network.model_copy(update={"clock_file": str(journey.processes.clock)}))
