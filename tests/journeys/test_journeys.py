"""The sample journeys that need no moved clock end as they are written, over Kafka."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import pytest
import pytest_asyncio

from services.chassis.settings import Settings
from tests.agency import Agency
from tests.journeys.palermo import AGENCIES
from tests.journeys.played import JOURNEYS, Played
from tests.processes import Processes, running
from tests.services.bus import Bus, bus
from tests.verified import assert_verified

pytestmark = pytest.mark.asyncio(loop_scope="module")
SAYING = ("intake", "referral", "housing", "programmes")


@dataclass
class City:
    settings: Settings
    processes: Processes
    agencies: dict[str, Agency]
    buses: dict[str, Bus]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """One Palermo for all: the journeys played here meet at no offer."""
    network = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with AsyncExitStack() as stack:
        load = ("directory.palermo.json",)
        processes = await stack.enter_async_context(running(network, tmp_path_factory.mktemp("journeys"), load=load))
        agencies = {code: Agency(code, network.kafka_url, f"{network.namespace}-") for code in AGENCIES}
        for agency in agencies.values():
            await agency.open()
            stack.push_async_callback(agency.close)
        buses = {name: await stack.enter_async_context(bus(network, name)) for name in SAYING}
        yield City(network, processes, agencies, buses)


@pytest.mark.parametrize("name", ["J02", "J04", "J13"])
async def test_a_journey_ends_as_it_is_written(city: City, name: str) -> None:
    journey = Played(JOURNEYS[name], city.agencies, city.buses, city.processes)

    await journey.play()

    assert await journey.missing() == []
    assert journey.ends() == JOURNEYS[name]["then"]["final_states"]


async def test_after_the_journeys_every_promise_was_kept(city: City) -> None:
    await assert_verified(city.settings)
