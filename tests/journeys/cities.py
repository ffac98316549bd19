"""Where the sample journeys are played."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.chassis.settings import Settings
from tests.agency import Agency
from tests.journeys.palermo import AGENCIES
from tests.journeys.played import Played
from tests.processes import Processes, running
from tests.services.bus import Bus, bus

SAYING = ("intake", "referral", "housing", "programmes")


@dataclass
class City:
    settings: Settings
    processes: Processes
    agencies: dict[str, Agency]
    buses: dict[str, Bus]


@asynccontextmanager
async def a_city(network: Settings, folder: Path) -> AsyncIterator[City]:
    """Every agency of Palermo with a system of its own, and all that the services say."""
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(network, folder))
        agencies = {code: Agency(code, network.kafka_url, f"{network.namespace}-") for code in AGENCIES}
        for agency in agencies.values():
            await agency.open()
            stack.push_async_callback(agency.close)
        buses = {name: await stack.enter_async_context(bus(network, name)) for name in SAYING}
        yield City(network, processes, agencies, buses)


async def assert_ends_as_written(journey: Played) -> None:
    assert await journey.missing() == []
    assert journey.ends() == journey.journey["then"]["final_states"]
    assert journey.counters() == journey.counters_as_written()
