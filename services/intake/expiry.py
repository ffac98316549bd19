"""The sweep that ends sharing bases whose last day is over: each becomes a command, however many workers sweep."""

import asyncio
import logging
from uuid import uuid5

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.sharing import ExpireBases
from services.chassis.service import Context
from services.chassis.sweep import edge_now, publish
from services.intake import store

log = logging.getLogger("staffetta.sweep")

EVERY_S = 1


async def sweep(context: Context) -> None:
    while True:
        try:
            await once(context)
        except (PyMongoError, KafkaError) as fault:
            log.warning("sharing bases wait: %s", type(fault).__name__)
        await asyncio.sleep(EVERY_S)


async def once(context: Context) -> None:
    """What is asked for twice before it is done is done once: the id follows from the intake and the hour."""
    now = edge_now(context.settings)
    async for intake_id, until in store.read_ending(context.db, now):
        command = ExpireBases(intake_id=intake_id, until=until)
        id = uuid5(intake_id, f"{command.TYPE}/{until.isoformat()}")
        await publish(context, command, id=id, at=now, journey_id=intake_id)
