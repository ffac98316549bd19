"""Pages that stay open: for how long, and how many."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import HTTPException

from services.console import live
from services.console.live import View


class Seen:
    """What a person may see, as far as an open page needs it."""

    scope: tuple[object, ...] = ()

    async def marks(self, agencies: list[str]) -> dict[str, int]:
        return dict.fromkeys(agencies, 0)

    def later(self) -> "Seen":
        return self


@dataclass
class Person:
    """Looks on until the session ends. At each look a page with other words is drawn, and something has moved."""

    csrf: str = "a"
    ended: bool = False
    drawn: int = 0

    def view(self) -> View:
        return View(frozenset({"pa.accura"}), "/queue/live", "it", self.csrf, self.look, self.draw)

    async def look(self) -> Any:
        return None if self.ended else Seen()

    async def draw(self, _gate: object) -> str:
        self.drawn += 1
        return f"{datetime.now(UTC)}"


async def move(busy: live.Hub) -> None:
    while True:
        await asyncio.sleep(0.01)
        async with busy.moved:
            busy.marks["pa.accura"] = busy.marks.get("pa.accura", 0) + 1
            busy.moved.notify_all()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> live.Hub:
    new = live.Hub()
    monkeypatch.setattr(live, "hub", new)
    monkeypatch.setattr(live, "AT_LEAST_S", 0.3)
    return new


async def test_who_has_logged_out_is_shown_no_more_however_much_happens(hub: live.Hub) -> None:
    person = Person()
    moving = asyncio.create_task(move(hub))
    told = 0
    try:
        async with asyncio.timeout(5), aclosing(live._events(person.view())) as events:
            async for _ in events:
                told += 1
                person.ended = told > 3
    finally:
        moving.cancel()

    assert told > 3
    assert not hub.open
    assert not hub.watched


async def test_one_session_keeps_so_many_pages_open_and_no_more(hub: live.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OPEN", 2)
    person, other = Person(), Person(csrf="b")
    pages = [live._events(person.view()) for _ in range(2)]
    for page in pages:
        await anext(page)

    with pytest.raises(HTTPException) as refused:
        live.stream(person.view())
    live.stream(other.view())
    await pages[0].aclose()
    live.stream(person.view())

    assert refused.value.status_code == HTTPStatus.TOO_MANY_REQUESTS
    await pages[1].aclose()
