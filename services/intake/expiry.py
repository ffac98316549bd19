"""The sweep that ends sharing bases whose last day is over: each becomes a command, however many workers sweep."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import uuid5

from contracts.sharing import ExpireBases
from services.chassis.sweep import Due
from services.intake import reading


async def due(db: Any, now: datetime) -> AsyncIterator[Due]:
    """What is asked for twice before it is done is done once: the id follows from the intake and the hour."""
    async for intake_id, until in reading.read_ending(db, now):
        command = ExpireBases(intake_id=intake_id, until=until)
        yield Due(until, uuid5(intake_id, f"{command.TYPE}/{until.isoformat()}"), intake_id, command)
