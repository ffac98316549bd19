"""Pages that change by themselves: each open page is told anew whenever the work that it shows has moved."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from fastapi.responses import StreamingResponse

from services.chassis.service import Context
from services.console import gate

LOOK_S, AT_LEAST_S = 0.1, 20
"""How often the marks are looked at, and how often a page is told anyway: time that passes shows too."""

BEAT = "event: beat\ndata: still here\n\n"
"""By which a page knows that it would hear of news: without one for long it loads itself anew."""

Draw = Callable[[], Awaitable[str | None]]


@dataclass(slots=True)
class Hub:
    """Looks once for all pages of this process at the marks of the agencies that they show."""

    watched: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    stopping: bool = False

    async def look(self, db: Any) -> None:
        seen = await gate.marks(db, sorted(self.watched))
        if any(self.marks.get(agency) != at for agency, at in seen.items()):
            async with self.moved:
                self.marks |= seen
                self.moved.notify_all()

    async def wait(self, agencies: frozenset[str], known: dict[str, int]) -> dict[str, int]:
        """Until one of these has moved on from what is known, or it is time to show the time."""

        def news() -> bool:
            return self.stopping or self._of(agencies) != known

        async with self.moved:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.moved.wait_for(news), AT_LEAST_S)
        return self._of(agencies)

    def _of(self, agencies: frozenset[str]) -> dict[str, int]:
        return {agency: self.marks.get(agency, 0) for agency in agencies}


hub = Hub()


async def keep_looking(context: Context) -> None:
    """A job: until the process stops, which ends every open page's stream."""
    try:
        while True:
            if hub.watched:
                await hub.look(context.db)
            await asyncio.sleep(LOOK_S)
    finally:
        hub.stopping = True
        async with hub.moved:
            hub.moved.notify_all()


def stream(agencies: frozenset[str], draw: Draw) -> StreamingResponse:
    """Server-sent events, each a whole fragment: after a lost connection the first one puts everything right.

    draw: None when the person may see it no longer, which ends the stream.
    """
    return StreamingResponse(_events(agencies, draw), media_type="text/event-stream")


async def _events(agencies: frozenset[str], draw: Draw) -> AsyncIterator[str]:
    for agency in agencies:
        hub.watched[agency] = hub.watched.get(agency, 0) + 1
    known, last = hub._of(agencies), ""
    try:
        while not hub.stopping:
            drawn = await draw()
            if drawn is None:
                break
            if (id := sha256(drawn.encode()).hexdigest()[:16]) != last:
                last = id
                yield _event(id, drawn)
            else:
                yield BEAT
            known = await hub.wait(agencies, known)
    finally:
        for agency in agencies:
            hub.watched[agency] -= 1
            if not hub.watched[agency]:
                del hub.watched[agency]


def _event(id: str, drawn: str) -> str:
    data = "".join(f"data: {line}\n" for line in drawn.splitlines() if line.strip())
    return f"id: {id}\n{data}\n"
