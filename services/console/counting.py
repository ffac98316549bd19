"""The numbers of the network are made soon after each full hour, so that nobody who looks has to wait for them."""

import asyncio
from datetime import timedelta
from functools import partial

from services.chassis.service import Context
from services.chassis.sweep import edge_now
from services.console import gate, hourly
from services.console.domain import access, national
from services.console.domain.access import Actor

DESK = Actor("", "", roles=frozenset({access.NATIONAL}))
AFTER = timedelta(hours=1, seconds=30)
"""From one full hour until what happened before the next has been read."""


async def keep_counting(context: Context) -> None:
    """A job. An hour that has begun is left to who looks: a console that has just started may still be reading."""
    clock = partial(edge_now, context.settings)
    while True:
        await asyncio.sleep((national.last_hour(clock()) + AFTER - clock()).total_seconds())
        at = await gate.opened(context.db, DESK, clock, hourly.of_this_process)
        await at.numbers()
