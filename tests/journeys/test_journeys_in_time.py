"""The sample journeys in which time passes end as they are written, over Kafka, on the network's moved clock."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from services.chassis.settings import Settings
from tests.agency import Agency
from tests.journeys.palermo import AGENCIES
from tests.journeys.played import JOURNEYS, Played
from tests.processes import RELAY, Processes, running
from tests.services.bus import bus
from tests.verified import assert_verified

SAYING = ("intake", "referral", "housing", "programmes")
IN_TIME = ("J03", "J05", "J06", "J09", "J11")


@asynccontextmanager
async def played(network: Settings, folder: Path, name: str, *, twice: bool = False) -> AsyncIterator[Played]:
    """The journey in a Palermo of its own."""
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(network, folder, load=("directory.palermo.json",)))
        agencies = {code: Agency(code, network.kafka_url, f"{network.namespace}-") for code in AGENCIES}
        for agency in agencies.values():
            await agency.open()
            stack.push_async_callback(agency.close)
        buses = {service: await stack.enter_async_context(bus(network, service)) for service in SAYING}
        yield Played(JOURNEYS[name], agencies, buses, processes, timed=True, twice=twice)


async def assert_ends_as_written(journey: Played, network: Settings) -> None:
    assert await journey.missing() == []
    assert journey.ends() == journey.journey["then"]["final_states"]
    await assert_verified(network.model_copy(update={"clock_file": str(journey.processes.clock)}))


@pytest.mark.parametrize("name", IN_TIME)
async def test_a_journey_in_which_time_passes_ends_as_it_is_written(network: Settings, logs: Path, name: str) -> None:
    async with played(network, logs, name) as journey:
        await journey.play()

        await assert_ends_as_written(journey, network)


@pytest.mark.parametrize("name", IN_TIME)
async def test_with_everything_said_twice_and_workers_killed_the_end_is_the_same(
    network: Settings, logs: Path, name: str
) -> None:
    async with played(network, logs, name, twice=True) as journey:
        killing = asyncio.create_task(kill(journey.processes, seed=int(name[1:])))
        await journey.play()
        killing.cancel()
        await journey.processes.ready()

        await assert_ends_as_written(journey, network)


async def kill(processes: Processes, seed: int) -> None:
    """One process after another, each started anew."""
    rng = random.Random(seed)
    while True:
        await asyncio.sleep(rng.uniform(1, 3))
        processes.kill(f"{rng.choice(RELAY)}-0")
