"""The chassis with one part taken out. Each must visibly lose, double or reorder, or the crash suite proves nothing."""

import asyncio
import math
import os
import signal
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CorruptRecordException
from faststream.kafka import KafkaBroker
from pymongo.errors import AutoReconnect

from services.chassis import failpoints, operations
from services.chassis.ledger import Ledger, packed
from services.chassis.messages import Incoming, Offsets, Outgoing, Said, Source
from services.chassis.outbox import Outbox
from services.chassis.parking import place
from services.chassis.partitions import Partitions
from services.chassis.settings import Settings
from services.chassis.worker import Worker


def take_out(names: str = "") -> None:
    """names: what is taken out, joined by `+`."""
    for name in filter(None, names.split("+")):
        {f.__name__: f for f in PARTS}[name]()


def no_inbox() -> None:
    """Every message counts as new."""

    async def unseen(self: Ledger, messages: list[Incoming]) -> dict[str, Incoming]:
        return {m.place: m for m in messages}

    Ledger._unseen = unseen


def offset_first() -> None:
    """The position is stored before, and outside of, the effects."""
    process = Ledger.process

    async def moved(self: Ledger, stored: Offsets, following: Offsets, said: Said) -> None:
        for source in following:
            owed = {"$set": {"owed": packed(said.get(source))}}
            await self.db.offsets.update_one({"_id": place(source)}, owed, session=self.session)

    async def outside(self: Ledger, messages: Any, stored: Offsets, following: Offsets, *how: Any) -> Said | None:
        for source in following:
            await self.db.offsets.update_one({"_id": place(source)}, {"$set": {"next": following[source]}})
        failpoints.hit("fetched")
        return await process(self, messages, stored, following, *how)

    Ledger._move = moved
    Ledger.process = outside


def no_drain() -> None:
    """What is owed is not published before new work, but by a relay that comes round a little later."""

    recover = Partitions.recover
    relays = set[asyncio.Task[None]]()

    async def later(self: Partitions, sources: set[Source]) -> None:
        send = self.outbox.send

        async def relay(rows: list[Outgoing]) -> None:
            await asyncio.sleep(2)
            await send(rows)

        async def wait(rows: list[Outgoing]) -> None:
            relays.add(asyncio.create_task(relay(rows)))

        self.outbox.send = wait
        await recover(self, sources)
        self.outbox.send = send

    Partitions.recover = later


def no_fence() -> None:
    """A worker that lost its partition goes on: neither owner nor position is compared."""

    async def moved(self: Ledger, stored: Offsets, following: Offsets, said: Said) -> None:
        for source, next in following.items():
            change = {"$set": {"next": next, "owed": packed(said.get(source))}}
            await self.db.offsets.update_one({"_id": place(source)}, change, session=self.session)

    Ledger._move = moved


def stands_still() -> None:
    """Not a part taken out but a disturbance: while a file of this name is there, no batch gets anywhere."""
    Ledger.process = _not_yet(Ledger.process)


def hears_nothing() -> None:
    """The same, but what is waited for is the next batch."""
    Worker._fetched = _not_yet(Worker._fetched)


def slow_replay() -> None:
    """Not a part taken out but a disturbance: a replay takes its time, and many of them more than a standstill may."""
    replay, operations.STUCK_S = Ledger.replay, 3
    os.environ["TIDY_S"] = "60"  # what is settled in between would count as well

    async def slowly(*args: Any, **how: Any) -> Any:
        await asyncio.sleep(0.1)
        return await replay(*args, **how)

    Ledger.replay = slowly


def _not_yet(what: Any) -> Any:
    is_stuck = Path(tempfile.gettempdir(), f"{os.environ['STAFFETTA_NAMESPACE']}.stuck").exists
    operations.STUCK_S = 5

    async def later(*args: Any, **how: Any) -> Any:
        while is_stuck():
            await asyncio.sleep(0.1)
        return await what(*args, **how)

    return later


def lost_answers() -> None:
    """Not a part taken out but a disturbance: what is done lands in the store, and its answer is lost the first
    time.
    """
    process, replay, lost = Ledger.process, Ledger.replay, set[str]()

    def lose(what: str) -> None:
        if what not in lost:
            lost.add(what)
            raise AutoReconnect

    async def unheard(self: Ledger, messages: list[Incoming], *how: Any) -> Said | None:
        said = await process(self, messages, *how)
        if messages and said is not None:
            lose(messages[0].place)
        return said

    async def unheard_too(self: Ledger, request: dict[str, Any], *how: Any, **more: Any) -> Any:
        said = await replay(self, request, *how, **more)
        lose(f"replay {request['message_id']}")
        return said

    Ledger.process, Ledger.replay = unheard, unheard_too


def stumbles() -> None:
    """Not a part taken out but a disturbance: what was drained is lost twice in a row, and the consumer raises."""
    getmany, turns = AIOKafkaConsumer.getmany, count()

    async def lose(self: AIOKafkaConsumer, *partitions: Any, **how: Any) -> Any:
        found = await getmany(self, *partitions, **how)
        if found and next(turns) in (5, 6):
            raise CorruptRecordException
        return found

    AIOKafkaConsumer.getmany = lose


def slow_claim() -> None:
    """Not a part taken out but a disturbance: taking partitions over takes longer than the group's patience."""
    claim = Ledger.claim

    async def slowly(self: Ledger, begins: Offsets) -> tuple[Offsets, Said]:
        await asyncio.sleep(2 * self.settings.session_s)
        return await claim(self, begins)

    Ledger.claim = slowly


def not_asked_again() -> None:
    """Who stood still says what it owed without asking whether it still owns it."""
    begin = Outbox.__init__

    def unasked(self: Outbox, settings: Settings, owns: Any) -> None:
        begin(self, settings, owns)
        self._frozen_s = math.inf

    Outbox.__init__ = unasked


def freezes() -> None:
    """Not a part taken out but a disturbance: the first worker stands still where it owes its topics something."""
    hit, visits = failpoints.hit, count()

    def stop(name: str) -> None:
        hit(name)
        if name == "before_publish" and os.environ["REPLICA"] == "0" and next(visits) == 5:
            os.kill(os.getpid(), signal.SIGSTOP)

    failpoints.hit = stop


def each_owns_all() -> None:
    """Not a part taken out but a disturbance: each worker is a group of its own, so all own every partition."""
    subscriber = KafkaBroker.subscriber

    def alone(self: KafkaBroker, *topics: Any, group_id: str, **how: Any) -> Any:
        return subscriber(self, *topics, group_id=f"{group_id}-{os.environ['REPLICA']}", **how)

    KafkaBroker.subscriber = alone


PARTS = (
    no_inbox,
    offset_first,
    no_drain,
    no_fence,
    not_asked_again,
    stands_still,
    slow_replay,
    hears_nothing,
    lost_answers,
    stumbles,
    slow_claim,
    freezes,
    each_owns_all,
)
