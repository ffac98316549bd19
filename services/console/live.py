"""Pages that change by themselves: each open page is told anew whenever the work that it shows has moved."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http import HTTPStatus

from fastapi import HTTPException
from fastapi.responses import StreamingResponse

from services.chassis.service import Context
from services.console import gate
from services.console.gate import Gate

LOOK_S, SOON_S, AT_LEAST_S = 0.1, 0.02, 20
"""How often the marks are looked at, how often while this process stores what moves them, and how often a page is told
anyway: time that passes shows too, and whoever has logged out or lost a role meanwhile sees no more.
"""
MOST_OPEN = 30
"""Pages of one session that stay open: what one person looks at, and no flood."""

AT_ONCE = {"X-Accel-Buffering": "no"}
"""No proxy gathers what is told until it is much."""
BEAT = "event: beat\ndata: still here\n\n"
"""By which a page knows that it would hear of news: without one for long it loads itself anew."""
OVER = "event: over\ndata: no more\n\n"
"""That its person may see it no longer: it loads itself anew at once."""

Draw = Callable[[Gate], Awaitable[str | None]]
Look = Callable[[], Awaitable[Gate | None]]
Known = dict[str, int]
Marks = Callable[[list[str]], Awaitable[Known]]


@dataclass(frozen=True, slots=True)
class View:
    """One open page. look: what its person may see, None once their session has ended. draw: the fragment, None when
    they may see it no longer. csrf: what takes the place of `CSRF` in it, so that people who see the same share it.
    """

    agencies: frozenset[str]
    path: str
    language: str
    csrf: str
    look: Look
    draw: Draw


CSRF = "the-word-of-this-session"


@dataclass(slots=True)
class Hub:
    """Looks once for all pages of this process at the marks of the agencies that they show, and draws once for all who
    see the same.
    """

    watched: Counter[str] = field(default_factory=Counter)
    marks: Known = field(default_factory=dict)
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    drawn: dict[Hashable, tuple[Known, float, asyncio.Task[str | None]]] = field(default_factory=dict)
    expected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while this process stores something that pages may show."""
    stopping: bool = False
    open: Counter[str] = field(default_factory=Counter)
    """By the word of a session, how many of its pages."""

    @contextmanager
    def watching(self, view: View) -> Iterator[None]:
        """As long as this page is open, its agencies are looked at."""
        self.watched.update(view.agencies)
        self.open[view.csrf] += 1
        try:
            yield
        finally:
            self.watched -= Counter(view.agencies)
            self.open -= Counter([view.csrf])

    async def look(self, marks: Marks) -> bool:
        """Whether anything has moved."""
        seen = await marks(sorted(self.watched))
        if all(self.marks.get(agency) == at for agency, at in seen.items()):
            return False
        async with self.moved:
            self.marks |= seen
            self.moved.notify_all()
        return True

    async def is_expected(self) -> bool:
        """Until this process stores something, or it is time to look anyway; which of the two."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.expected.wait(), LOOK_S)
        was = self.expected.is_set()
        self.expected.clear()
        return was

    async def wait(self, agencies: frozenset[str], known: Known) -> bool:
        """Until one of these has moved on from what is known, or it is time to show the time; whether it moved."""

        def news() -> bool:
            return self.stopping or self.of(agencies) != known

        async with self.moved:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.moved.wait_for(news), AT_LEAST_S)
        return news()

    def of(self, agencies: frozenset[str]) -> Known:
        return {agency: self.marks.get(agency, 0) for agency in agencies}

    async def draw(self, view: View, at: Gate, known: Known) -> str | None:
        """The same for all who have the same rights to the same page, while nothing moves and little time passes."""
        key, now = (view.path, view.language, *at.scope), asyncio.get_running_loop().time()
        found = self.drawn.get(key)
        if found is None or found[0] != known or found[1] + AT_LEAST_S / 2 < now:
            found = self.drawn[key] = known, now, asyncio.ensure_future(view.draw(at))
            self.drawn = {k: v for k, v in self.drawn.items() if v[1] + AT_LEAST_S > now}
        return await asyncio.shield(found[2])


hub = Hub()


async def keep_looking(context: Context) -> None:
    """A job: until the process stops, which ends every open page's stream. What another process stores is seen too."""
    marks, soon = partial(gate.marks, context.db), round(LOOK_S / SOON_S)
    try:
        while True:
            for _ in range(soon if await hub.is_expected() else 1):
                if not hub.watched or await hub.look(marks):
                    break
                await asyncio.sleep(SOON_S)
    finally:
        hub.stopping = True
        async with hub.moved:
            hub.moved.notify_all()


def stream(view: View) -> StreamingResponse:
    """Server-sent events, each a whole fragment: after a lost connection the first one puts everything right.

    Raises HTTPException(429) for one page too many.
    """
    if hub.open[view.csrf] >= MOST_OPEN:
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "60"})
    return StreamingResponse(_events(view), media_type="text/event-stream", headers=AT_ONCE)


async def _events(view: View) -> AsyncGenerator[str, None]:
    with hub.watching(view):
        clock = asyncio.get_running_loop().time
        last, looked, at = "", clock(), await view.look()
        if at:  # nobody may have looked for a while, and what was drawn then is old
            await hub.look(at.marks)
        while at and not hub.stopping:
            known = hub.of(view.agencies)
            drawn = await hub.draw(view, at, known)
            if drawn is None:
                break
            id = sha256(drawn.encode()).hexdigest()[:16]
            yield BEAT if id == last else _event(id, drawn.replace(CSRF, view.csrf))
            last = id
            moved = await hub.wait(view.agencies, known)
            if moved and clock() < looked + AT_LEAST_S:
                at = at.later()
            else:
                looked, at = clock(), await view.look()
        if not hub.stopping:
            yield OVER


def _event(id: str, drawn: str) -> str:
    data = "".join(f"data: {line}\n" for line in drawn.splitlines() if line.strip())
    return f"id: {id}\n{data}\n"
