"""The sweep that ends holds whose time is over: each becomes a command, whoever sweeps and however often."""

import asyncio
from datetime import timedelta
from uuid import uuid5

from contracts.topics import Topic
from services.chassis.service import Context, Job
from services.chassis.sweep import edge_now, publish
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
            async for places in store.read_lapsing(context.db, now - GRACE):
                for command in over(places, now - GRACE):
                    name = f"{command.TYPE}/{command.offer}/{command.referral_id}/{command.until}"
                    await publish(
                        context, command, id=uuid5(command.journey_id, name), at=now, journey_id=command.journey_id
                    )
            await asyncio.sleep(EVERY_S)

    return sweep
