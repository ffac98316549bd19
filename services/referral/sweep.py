"""The sweep that makes timers fire: each step that is due becomes a command, whoever sweeps and however often.

A step is asked for under an id of its own, so that of many workers' commands one is carried out; the handler decides.
After a downtime the steps of all referrals follow one another as they were due.
"""

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.commands import ChaseReceipt, FireTimer
from contracts.journeys import ChaseTask
from services.chassis.service import Context
from services.chassis.sweep import AGAIN_S, Asked, Due, edge_now, note, publish, to_ask
from services.referral import store
from services.referral.domain.receipts import Receipts
from services.referral.domain.timers import Step, Timer

log = logging.getLogger("staffetta.sweep")

EVERY_S, LOOK_S, PATIENCE_S = 1.0, 0.5, 30
AT_ONCE, SIDE_BY_SIDE = 10_000, 100
LEASE_S = 10
"""One worker sweeps for all and says so this long in advance. Two at once would do no harm, but each step twice."""


async def sweep(context: Context) -> None:
    sweeping = Sweeping(context)
    while True:
        try:
            if await sweeping.is_ours() and (behind := await sweeping.once()):
                await sweeping.taken(behind)
        except (PyMongoError, KafkaError) as fault:
            log.warning("timers wait: %s", type(fault).__name__)
        await asyncio.sleep(EVERY_S)


@dataclass
class Sweeping:
    """asked: the steps that were asked for and are not taken yet."""

    context: Context
    asked: Asked = field(default_factory=dict)

    async def is_ours(self) -> bool:
        now, by = datetime.now(UTC), self.context.settings.replica
        right = await self.context.clock.look(self.context.db)  # a wrong one would keep the lease from all others
        return right and await store.lease(self.context.db, by, now, now + timedelta(seconds=LEASE_S))

    async def once(self) -> Due | None:
        """Ask for what is due, in the order in which it was due; returns one of the last that will soon be taken."""
        now, clock = edge_now(self.context.settings), time.monotonic()
        stuck = sum(clock - first > AGAIN_S for first, _ in self.asked.values())
        due = sorted(await self._due(now, AT_ONCE + stuck), key=lambda step: step.at)
        ask = to_ask(self.asked, due, clock)
        for n in range(0, len(ask), SIDE_BY_SIDE):
            await asyncio.gather(*(self._ask(step, now) for step in ask[n : n + SIDE_BY_SIDE]))
        soon = [step for step in due if clock - self.asked[step.id][0] <= AGAIN_S]
        return soon[len(soon) * 3 // 4] if soon else None

    async def taken(self, step: Due) -> None:
        """Until this step was taken, or for long: before, another look would only meet the same again."""
        until = time.monotonic() + PATIENCE_S
        while await store.is_due(self.context.db, step.command, step.at) and time.monotonic() < until:
            if not await self.is_ours():
                return
            await asyncio.sleep(LOOK_S)

    async def _due(self, now: datetime, limit: int) -> list[Due]:
        db = self.context.db
        timers = [due for found in await store.read_timers(db, now, limit) for due in of_referral(*found, now)]
        return timers + [due for found in await store.read_chased(db, now, limit) for due in of_task(*found, now)]

    async def _ask(self, step: Due, now: datetime) -> None:
        await publish(self.context, step.command, id=step.id, at=now, journey_id=step.journey_id)
        note(self.asked, step.id, time.monotonic())


def of_referral(
    referral_id: UUID, journey_id: UUID, timers: tuple[Timer, ...], receipts: Receipts, now: datetime
) -> Iterator[Due]:
    for timer in timers:
        for step in _are_due(timer.steps, now):
            command = FireTimer(referral_id=referral_id, timer=timer.code, version=timer.version, percent=step.percent)
            name = f"{command.TYPE}/{timer.code}/{timer.version}/{step.percent}"
            yield Due(step.at, uuid5(referral_id, name), journey_id, command)
    for receipt in receipts:
        if (at := receipt.next_at) and at <= now:
            late = ChaseReceipt(referral_id=referral_id, obligation=receipt.obligation, due_at=at)
            yield Due(at, uuid5(referral_id, f"{late.TYPE}/{receipt.obligation}/{at.isoformat()}"), journey_id, late)


def of_task(task_id: UUID, journey_id: UUID, steps: tuple[Step, ...], now: datetime) -> Iterator[Due]:
    for step in _are_due(steps, now):
        command = ChaseTask(task_id=task_id, percent=step.percent)
        yield Due(step.at, uuid5(task_id, f"{command.TYPE}/{step.percent}"), journey_id, command)


def _are_due(steps: tuple[Step, ...], now: datetime) -> Iterator[Step]:
    return (step for step in steps if step.at <= now)
