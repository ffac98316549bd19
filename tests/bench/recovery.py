"""How long work stands still: the longest silence of any partition after a worker is killed, at 150 events a second."""

import asyncio
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from services.chassis.settings import from_environment
from tests.chassis.relay import relay
from tests.chassis.test_recovery import longest_silence_after

ROUNDS = 3
CASES = {"one of two killed, the other takes over": (2, False), "a lone worker killed and started anew": (1, True)}


async def main() -> None:
    settings, table = from_environment(), Table("what", "s min", "median", "max")
    for what, (replicas, again) in CASES.items():
        found = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                async with relay(settings, Path(folder), replicas=replicas) as running:
                    found.append(await longest_silence_after(running, "first-0", again=again))
        table.add_row(what, *(f"{v:.1f}" for v in (min(found), statistics.median(found), max(found))))
    Console(width=90).print(table)


if __name__ == "__main__":
    asyncio.run(main())
