"""The whole of it: wait until nothing is under way, look, and look again at what seems wrong."""

import asyncio
from collections.abc import Callable, Iterable

from services.chassis.settings import Settings
from services.cli.verify.checks import answers, feeds, leftovers, needs, places, sharing, state, timers, versions
from services.cli.verify.loaded import Loaded
from services.cli.verify.network import opened
from services.cli.verify.report import Report, Seen, looked
from services.cli.verify.topics import Telling

CHECKS: dict[str, Callable[[Loaded], Iterable[Seen]]] = {
    "state": state.check,
    "versions": versions.check,
    "answers": answers.check,
    "needs": needs.check,
    "timers": timers.check,
    "sharing": sharing.check,
    "places": places.check,
    "feeds": feeds.check,
    "positions": leftovers.positions,
    "outboxes": leftovers.outboxes,
    "parked": leftovers.parked,
}
"""By name, in the order in which they are told."""

PATIENCE_S, MOMENT_S = 30.0, 3.0


async def verify(
    settings: Settings, *, patience_s: float = PATIENCE_S, moment_s: float = MOMENT_S,
    tell: Telling = lambda _done, _total: None,
) -> Report:  # fmt: skip
    """Check a network. Raises CannotDo when its broker or its store does not answer.

    patience_s: how long to wait for messages that are under way. What is found then is looked for again after
    moment_s: on a network at work only what stays in the same words is a fault.
    """
    async with opened(settings) as network:
        settled, waited_s = await network.settle(patience_s)
        report = judge(await network.load(tell))
        if report.findings:
            await asyncio.sleep(moment_s)
            report = judge(await network.load(tell)).kept(report)
        return report.after(waited_s, settled)


def judge(loaded: Loaded) -> Report:
    checks = tuple(looked(name, check(loaded)) for name, check in CHECKS.items())
    return Report(checks, messages=loaded.messages, repeats=loaded.repeats)
