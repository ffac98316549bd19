"""The chassis with one part taken out. Each must visibly lose, double or reorder, or the crash suite proves nothing."""

import asyncio
import os
from collections.abc import Iterable
from typing import Any

from faststream.kafka import KafkaBroker

from services.chassis import failpoints
from services.chassis.ledger import Ledger, Offsets, Source, Work, place
from services.chassis.messages import Incoming
from services.chassis.worker import Worker


def take_out(names: str = "") -> None:
    """names: what is taken out, joined by `+`."""
    for name in filter(None, names.split("+")):
        {f.__name__: f for f in (no_inbox, offset_first, no_drain, no_fence, each_owns_all)}[name]()


def no_inbox() -> None:
    """Every message counts as new."""

    async def unseen(self: Ledger, messages: list[Incoming], session: Any) -> list[Incoming]:
        return messages

    Ledger._unseen = unseen  # type: ignore[method-assign]


def offset_first() -> None:
    """The position is stored before, and outside of, the effects."""
    process = Ledger.process

    async def moved(self: Ledger, work: Work, stored: Offsets, following: Offsets, session: Any) -> None:
        return None

    async def outside(self: Ledger, work: Work, stored: Offsets, following: Offsets, **how: Any) -> Any:
        for source in work:
            await self.db.offsets.update_one({"_id": place(source)}, {"$set": {"next": following[source]}})
        failpoints.hit("fetched")
        return await process(self, work, stored, following, **how)

    Ledger._move = moved  # type: ignore[method-assign]
    Ledger.process = outside  # type: ignore[method-assign]


def no_drain() -> None:
    """What is owed is not published before new work, but by a relay that comes round a little later."""

    async def later(self: Worker, sources: Iterable[Source]) -> None:
        async def relay() -> None:
            await asyncio.sleep(2)
            async for doc in self.ledger.owed(sources):
                await self._send(doc["rows"])
                await self.ledger.forget([doc["_id"]])

        self.relay = asyncio.create_task(relay())

    Worker._drain = later  # type: ignore[method-assign]


def no_fence() -> None:
    """A worker that lost its partition goes on: neither owner nor position is compared."""

    async def moved(self: Ledger, work: Work, stored: Offsets, following: Offsets, session: Any) -> None:
        for source in work:
            await self.db.offsets.update_one(
                {"_id": place(source)}, {"$set": {"next": following[source]}}, session=session
            )

    Ledger._move = moved  # type: ignore[method-assign]


def each_owns_all() -> None:
    """Not a part taken out but a disturbance: each worker is a group of its own, so all own every partition."""
    subscriber = KafkaBroker.subscriber

    def alone(self: KafkaBroker, *topics: Any, group_id: str, **how: Any) -> Any:
        return subscriber(self, *topics, group_id=f"{group_id}-{os.environ['REPLICA']}", **how)

    KafkaBroker.subscriber = alone  # type: ignore[method-assign, assignment]
