"""The sweep that ends sharing bases whose last day is over: each becomes a command, however many workers sweep."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import uuid5

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.sharing import ExpireBases
from services.chassis.service import Context
from services.chassis.sweep import Due, edge_now, publish
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
    now = edge_now(context.settings)
    async for over in due(context.db, now):
        await publish(context, over.command, id=over.id, at=now, journey_id=over.journey_id)


async def due(db: Any, now: datetime) -> AsyncIterator[Due]:
    """What is asked for twice before it is done is done once: the id follows from the intake and the hour."""
    async for intake_id, until in store.read_ending(db, now):
        command = ExpireBases(intake_id=intake_id, until=until)
        yield Due(until, uuid5(intake_id, f"{command.TYPE}/{until.isoformat()}"), intake_id, command)
