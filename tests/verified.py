"""How a scenario ends: its network comes to rest, all of it is read, and every promise was kept."""

import asyncio
from collections.abc import Sequence

from services.chassis.settings import Settings
from services.cli.verify.network import opened
from services.cli.verify.report import Report
from services.cli.verify.verifying import verify
from tests.agency import Working


async def assert_verified(settings: Settings, *, patience_s: float = 120) -> Report:
    """While its services still run. patience_s: how long what is under way may take; a network at rest takes none."""
    report = await verify(settings, patience_s=patience_s)
    faults = [f"{found.check}: {found.aggregate}: {found.wrong}" for found in report.findings]
    assert not faults, "\n".join([f"{len(faults)} promises are broken", *faults[:30]])
    assert report.settled, f"messages were still under way after {report.waited_s:.0f} s"
    return report


async def come_to_rest(settings: Settings, agencies: Sequence[Working], seconds: float = 300) -> None:
    """Until nobody has anything to read, to answer or to say: neither our services nor these agencies."""
    async with opened(settings) as network, asyncio.timeout(seconds):
        while True:
            while not await _are_idle(agencies):
                await asyncio.sleep(0.1)
            said = await network.topics.ends()
            settled, _ = await network.settle(seconds)
            if settled and await _are_idle(agencies) and said == await network.topics.ends():
                return


async def _are_idle(agencies: Sequence[Working]) -> bool:
    return all(await asyncio.gather(*(agency.is_idle() for agency in agencies)))
