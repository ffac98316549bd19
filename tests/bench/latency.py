"""How long an agency waits: its command in, to its feed's answer and event out, at 20 commands a second."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from services.chassis.settings import from_environment
from tests.agency import Agency, Entry, is_answer
from tests.builders import an_intake
from tests.processes import running

RATE, REFERRALS = 20, 200


async def main() -> None:
    settings = from_environment().model_copy(update={"namespace": f"lat{uuid4().hex[:8]}"})
    with tempfile.TemporaryDirectory() as folder:
        async with running(settings, Path(folder)):
            sender = Agency("pa.comune", settings.kafka_url, f"{settings.namespace}-")
            receiver = Agency("pa.accura", settings.kafka_url, f"{settings.namespace}-")
            await asyncio.gather(sender.open(), receiver.open())
            try:
                show(await measure(sender, receiver))
            finally:
                await asyncio.gather(sender.close(), receiver.close())


async def measure(sender: Agency, receiver: Agency) -> dict[str, list[float]]:
    await sender.answer(await sender.submit(an_intake("lat/first")), seconds=60)  # until the new topics are picked up
    intakes = await _paced((f"lat/{n}" for n in range(REFERRALS)), lambda id: sender.submit(an_intake(id), id=id))
    answered = await _answered(sender, intakes)
    sent = [e["key"] for e in receiver.entries if e["type"] == "staffetta.referral.sent.v1"][-REFERRALS:]
    by_command = iter(sent)
    commands = await _paced(
        (uuid4().hex for _ in sent), lambda id: receiver.command(next(by_command), "acknowledge", id=id)
    )
    return {"intake to answer": answered, "acknowledge to answer": await _answered(receiver, commands)}


async def _paced(ids: Iterable[str], say: Callable[[str], Awaitable[Any]]) -> dict[str, float]:
    at: dict[str, float] = {}
    began = time.monotonic()
    for n, id in enumerate(ids):
        await asyncio.sleep(max(0.0, began + n / RATE - time.monotonic()))
        at[id] = time.time()
        await say(id)
    return at


async def _answered(agency: Agency, said: dict[str, float]) -> list[float]:
    await agency.answer(next(reversed(said)), seconds=60)
    await asyncio.sleep(1)
    came = {_command(e): e["at"] for e in agency.entries if is_answer(e)}
    return sorted((came[id] - at) * 1000 for id, at in said.items() if id in came)


def _command(entry: Entry) -> str:
    return str(entry["value"]["asked"]["command_id"])


def show(found: dict[str, list[float]]) -> None:
    table = Table("what", "n", "p50 ms", "p95 ms", "p99 ms", "max ms")
    for what, ms in found.items():
        cuts = statistics.quantiles(ms, n=100)
        table.add_row(what, str(len(ms)), *(f"{v:.0f}" for v in (cuts[49], cuts[94], cuts[98], ms[-1])))
    Console(width=90).print(table)


if __name__ == "__main__":
    asyncio.run(main())
