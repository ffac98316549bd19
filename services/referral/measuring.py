"""No need without an answer, as a measurement: told by the one worker that sweeps."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.metrics import Observation
from pymongo.errors import PyMongoError

from services.chassis import telemetry
from services.chassis.service import Context
from services.referral import reading
from services.referral.domain import owing
from services.referral.domain.owing import Counted
from services.referral.sweep import Sweeping

log = logging.getLogger("staffetta.measuring")

EVERY_S = 15


@dataclass
class Seen:
    """What the last look found; nothing while another worker looks."""

    counted: Counted | None = None

    def needs(self) -> Iterable[Observation]:
        by_state = self.counted.by_state if self.counted else {}
        return [Observation(count, {"staffetta.need.state": state}) for state, count in by_state.items()]

    def unanswered(self) -> Iterable[Observation]:
        return [Observation(self.counted.unanswered)] if self.counted else []


async def measure(context: Context) -> None:
    """Where nobody collects measurements, nothing is counted."""
    if not telemetry.is_wanted("METRICS"):
        return
    seen, sweeping = Seen(), Sweeping(context)
    telemetry.gauge("staffetta.needs", "{need}", "Services asked for that are under way", seen.needs)
    telemetry.gauge("staffetta.needs.unanswered", "{need}", "Of these, those nobody owes an answer", seen.unanswered)
    while True:
        try:
            seen.counted = await look(context) if await sweeping.is_ours() else None
        except PyMongoError as fault:
            seen.counted = None
            log.warning("needs are not counted: %s", type(fault).__name__)
        await asyncio.sleep(EVERY_S)


async def look(context: Context) -> Counted:
    return owing.counted([kept async for kept in reading.read_under_way(context.db)])
