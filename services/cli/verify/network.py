"""One network to be read: its topics and databases, and whether anything is under way in it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.topics import AGENCY_COMMANDS
from services.chassis.settings import Settings
from services.chassis.sweep import edge_now
from services.cli.faults import CannotDo
from services.cli.verify.loaded import Loaded, Source, Standing
from services.cli.verify.stores import Stores
from services.cli.verify.topics import Telling, Topics

LOOK_S, STORE_S = 0.3, 30.0


class Network:
    def __init__(self, topics: Topics, stores: Stores) -> None:
        self.topics, self.stores = topics, stores

    async def settle(self, patience_s: float) -> tuple[bool, float]:
        """Wait until nothing is under way, or patience ends: whether it came to rest, and the seconds it took."""
        began = time.monotonic()
        while not (settled := await self._is_settled()) and time.monotonic() - began < patience_s:
            await asyncio.sleep(LOOK_S)
        return settled, time.monotonic() - began

    async def _is_settled(self) -> bool:
        """Everybody has read all there is and owes nothing, and meanwhile nothing was said: so nothing will be."""
        ends = await self.topics.ends()
        positions = await self.stores.positions()
        behind = any(s.next is None or s.next < s.end for s in standings(positions, ends))
        return not behind and not await self.stores.owed(positions) and ends == await self.topics.ends()

    async def load(self, tell: Telling) -> Loaded:
        ends, positions = await self.topics.ends(), await self.stores.positions()
        said, cut = await self.topics.read(tell)
        docs = await self.stores.read(positions)
        return Loaded(said, cut, docs, tuple(positions), standings(positions, ends), edge_now(self.stores.settings))


def standings(positions: Mapping[str, Mapping[Source, int | None]], ends: Mapping[Source, int]) -> tuple[Standing, ...]:
    """A service that reads a topic reads all of its partitions; one that reads an agency reads them all."""
    return tuple(
        Standing(service, *source, read.get(source), end)
        for service, read in positions.items()
        for source, end in ends.items()
        if end and _kind(source[0]) in {_kind(topic) for topic, _ in read}
    )


def _kind(topic: str) -> str:
    before, _, after = AGENCY_COMMANDS.name.partition("{agency}")
    return AGENCY_COMMANDS.name if topic.startswith(before) and topic.endswith(after) else topic


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Network]:
    """Raises CannotDo with a sentence when the broker or the store does not answer."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    topics, stores = Topics(settings), Stores(settings, STORE_S)
    try:
        await topics.open()
        yield Network(topics, stores)
    except KafkaError as fault:
        raise CannotDo(f"Kafka does not answer ({type(fault).__name__}).", "staffetta doctor says more.") from None
    except PyMongoError as fault:
        raise CannotDo(f"The store does not answer ({type(fault).__name__}).", "staffetta doctor says more.") from None
    finally:
        await topics.close()
        await stores.client.close()
