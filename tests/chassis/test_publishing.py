"""What is owed is said by who owns it still, however long it takes to say it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from services.chassis import outbox as outbox_module
from services.chassis.messages import Outgoing, Source
from services.chassis.outbox import Outbox
from services.chassis.settings import Settings

OWED = {("in", 0): [Outgoing("out", b"a", b"{}", [])]}


@asynccontextmanager
async def an_outbox(owns: Any, send: Any) -> AsyncIterator[Outbox]:
    outbox: Any = Outbox(Settings(environment="test"), owns)
    outbox.send = send
    yield outbox
    await outbox.producer.stop()


async def test_who_is_cut_off_while_it_publishes_asks_whether_another_took_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the producer would say it whenever the broker is there again, after what the other has said since."""
    answers = iter([True, True, False])

    async def owns(_sources: Collection[Source]) -> bool:
        return next(answers)

    async def never(_rows: list[Outgoing]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(outbox_module, "die", sys.exit)
    async with an_outbox(owns, never) as outbox:
        outbox._frozen_s = 0.01
        with pytest.raises(SystemExit, match="another worker owns my partition"):
            await outbox._publish(OWED)

    assert next(answers, None) is None


async def test_what_cannot_be_said_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_rows: list[Outgoing]) -> None:
        raise ConnectionError

    monkeypatch.setattr(outbox_module, "die", sys.exit)
    async with an_outbox(lambda _sources: asyncio.sleep(0, True), fails) as outbox:
        with pytest.raises(SystemExit, match="publishing failed: ConnectionError"):
            await outbox._publish(OWED)


async def test_what_cannot_be_said_though_it_is_tried_again_and_again_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a take-over does with what it finds owed."""
    outbox, now, sent = Outbox(Settings(environment="test"), lambda _sources: asyncio.sleep(0, True)), [100.0], [False]

    async def send(*_args: Any, **_more: Any) -> Any:
        if not sent[0]:
            raise ConnectionError
        return asyncio.sleep(0)

    monkeypatch.setattr(outbox.producer, "send", send)
    monkeypatch.setattr("services.chassis.outbox.time.monotonic", lambda: now[0])
    seen = []
    for now[0], sent[0] in ((100.0, False), (102.0, False), (106.0, False), (107.0, True)):
        with suppress(ConnectionError):
            await outbox.send(OWED["in", 0])
        seen.append(outbox.stuck)
    await outbox.producer.stop()

    assert seen == [False, False, True, False]
