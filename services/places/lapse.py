"""The sweep that ends holds whose time is over: each becomes a command, whoever sweeps and however often."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5

from contracts.topics import Topic
from services.chassis.service import Context, Job
from services.chassis.sweep import Due, edge_now, publish
from services.places import store
from services.places.domain.places import lapsing as over

EVERY_S = 1
GRACE = timedelta(minutes=1)
"""An acceptance given in time may still be on its way."""


def lapsing(commands: Topic) -> Job:
    """The job of the service that owns `commands`."""

    async def sweep(context: Context) -> None:
        while True:
            now = edge_now(context.settings)
            async for hold in due(context.db, now):
                await publish(context, hold.command, id=hold.id, at=now, journey_id=hold.journey_id)
            await asyncio.sleep(EVERY_S)

    return sweep


async def due(db: Any, now: datetime) -> AsyncIterator[Due]:
    until = now - GRACE
    async for places in store.read_lapsing(db, until):
        for command in over(places, until):
            name = f"{command.TYPE}/{command.offer}/{command.referral_id}/{command.until}"
            at = (command.until or until) + GRACE
            yield Due(at, uuid5(command.journey_id, name), command.journey_id, command)
