"""The sweep that ends holds, and offers after their last day: each becomes a command, whoever sweeps and how often."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5

from contracts.places import ClosePlaces, places_id
from services.chassis.sweep import Due
from services.places import store
from services.places.domain.places import lapsing

GRACE = timedelta(minutes=1)
"""An acceptance given in time may still be on its way."""


async def due(db: Any, now: datetime) -> AsyncIterator[Due]:
    until = now - GRACE
    async for places in store.read_lapsing(db, until):
        for command in lapsing(places, until):
            name = f"{command.TYPE}/{command.offer}/{command.referral_id}/{command.until}"
            at = (command.until or until) + GRACE
            yield Due(at, uuid5(command.journey_id, name), command.journey_id, command)
    async for places in store.read_closing(db, now):
        at, close = places.closes_at or now, ClosePlaces(offer=places.offer)
        yield Due(at, uuid5(places_id(places.offer), f"{close.TYPE}/{at}"), "", close)
