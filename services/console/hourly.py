"""The numbers of the network, made once in an hour and then the same for whoever looks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from services.console.domain.national import Numbers


@dataclass(slots=True)
class Hourly:
    """until: the full hour as of which they are. made: shared by those who ask while it is under way."""

    until: datetime | None = None
    made: asyncio.Future[Numbers] | None = None

    async def of(self, until: datetime, make: Callable[[], Awaitable[Numbers]]) -> Numbers:
        """What could not be made is made anew for the next who asks."""
        if self.made is None or self.until != until or (self.made.done() and _failed(self.made)):
            self.until, self.made = until, asyncio.ensure_future(make())
        return await asyncio.shield(self.made)


def _failed(made: asyncio.Future[Numbers]) -> bool:
    return made.cancelled() or made.exception() is not None


of_this_process = Hourly()
