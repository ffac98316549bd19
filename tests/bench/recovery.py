"""How long work stands still: the longest silence of any partition after a worker is killed, at 150 events a second.

And how long a new agency waits: from the directory's word to the answer to its first command.
"""

import asyncio
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from services.chassis.settings import from_environment
from tests.chassis.relay import relay
from tests.chassis.test_recovery import longest_silence_after
from tests.services.two_agencies import gateway_alone

ROUNDS, WATCH_S = 3, 13
CASES = {"one of two killed, the other takes over": (2, False), "a lone worker killed and started anew": (1, True)}


async def main() -> None:
    settings, table = from_environment(), Table("what", "s min", "median", "max")
    for what, (replicas, again) in CASES.items():
        found = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                async with relay(settings, Path(folder), replicas=replicas) as running:
                    found.append(await longest_silence_after(running, "first-0", again=again, seconds=WATCH_S))
        _add(table, what, found)
    with tempfile.TemporaryDirectory() as folder:
        async with gateway_alone(settings, Path(folder)) as behind:
            waited = [(await behind.first_answer(f"new{n}.comune"))[1] for n in range(ROUNDS)]
    _add(table, "a new agency's first command is answered", waited)
    Console(width=90).print(table)


def _add(table: Table, what: str, seconds: list[float]) -> None:
    table.add_row(what, *(f"{v:.1f}" for v in (min(seconds), statistics.median(seconds), max(seconds))))


if __name__ == "__main__":
    asyncio.run(main())
