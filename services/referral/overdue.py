"""The sweep that tells late receipts: each becomes a command, however many workers sweep."""

import asyncio
import logging
from uuid import uuid5

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.commands import ChaseReceipt
from services.chassis.service import Context
from services.chassis.sweep import edge_now, publish
from services.referral import store

log = logging.getLogger("staffetta.sweep")

EVERY_S = 1


async def sweep(context: Context) -> None:
    while True:
        try:
            await once(context)
        except (PyMongoError, KafkaError) as fault:
            log.warning("receipts wait: %s", type(fault).__name__)
        await asyncio.sleep(EVERY_S)


async def once(context: Context) -> None:
    """What is asked for twice before it is done is done once: the id follows from the receipt and its hour."""
    now = edge_now(context.settings)
    async for referral in store.read_late_receipts(context.db, now):
        for owed in referral.owed:
            if (at := owed.next_at) and at <= now:
                command = ChaseReceipt(referral_id=referral.referral_id, obligation=owed.code, due_at=at)
                id = uuid5(referral.referral_id, f"{command.TYPE}/{owed.code}/{at.isoformat()}")
                await publish(context, command, id=id, at=now, journey_id=referral.need.journey_id)
