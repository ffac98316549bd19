"""Palermo's 200 sample intakes over Kafka, and nine agencies that answer as agencies do: yes, no, later, never."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from motor.motor_asyncio import AsyncIOMotorClient

from deploy.local.demo.intakes import shifted
from services.chassis.settings import Settings
from services.referral import store
from services.referral.domain.routing import Decision
from tests.agency import Entry, Step, Working
from tests.domain.test_routing_samples import INTAKES
from tests.processes import SIXTEEN, Processes, running
from tests.verified import come_to_rest

AGENCIES = ("pa.comune", "pa.accura", "pa.penc", "pa.mobile", "pa.ponte", "pa.levante", "pa.salute", "pa.legale",
            "pa.officina")  # fmt: skip


@dataclass
class Desk(Working):
    """What it does with a referral follows from the referral's id, so that it does the same again after a repeat.

    repeated: which share of what it says it says twice.
    """

    repeated: float = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def say(self, type: str, value: bytes | Entry, *, id: str | None = None, **extensions: str) -> str:
        said = await super().say(type, value, id=id, **extensions)
        if self.chance.random() < self.repeated:
            await super().say(type, value, id=said, **extensions)
        return said

    def steps(self, entry: Entry) -> list[Step]:
        said = entry["value"]
        mood = UUID(said["referral_id"]).int % 10
        match entry["type"].removeprefix("staffetta.referral."):
            case "sent.v1" if said["seat"] != "asked" and mood != 9:
                called = {"phone_call_recorded_at": said["at"]} if said["priority"] == "EMERGENCY" else {}
                return [("acknowledge", called), *_decision(mood)]
            case "seat_offered.v1" if mood != 9:
                lets_it_go: Step = ("lapse_seat", {"lapse_cause": "person_refused"})
                return [lets_it_go] if mood == 8 else [("confirm_seat", {"person_still_interested": True})]
            case "accepted.v1" if mood != 5:
                return [("start", {"first_contact_at": said["at"], "contact_mode": "phone"})]
            case "started.v1" if mood != 6:
                return [("close", {"closure_outcome": "served_completed"})]
        return []


def _decision(mood: int) -> list[Step]:
    match mood:
        case 0 | 1:
            return [("decline", {"decline_reason": "no_capacity"})]
        case 2:
            return [("decline", {"decline_reason": "language_not_covered"})]
        case 3:
            return []
    return [("accept", {})]


@dataclass
class Palermo:
    """The city at work."""

    settings: Settings
    processes: Processes
    desks: dict[str, Desk]
    db: Any

    async def submit(self, lines: slice, *, repeated: float = 0) -> None:
        """Each line by its sender, in order, as if the samples were of today. repeated: as of a desk, from now on."""
        for desk in self.desks.values():
            desk.repeated = repeated
        for intake in shifted(INTAKES, datetime.now(UTC))[lines]:
            await self.desks[intake["tier0"]["sender_agency"]].submit(intake)

    async def comes_to_rest(self, seconds: float = 300) -> None:
        """Until nobody has anything to read, to answer or to say."""
        await come_to_rest(self.settings, list(self.desks.values()), seconds)

    def answer(self, line: int) -> dict[str, Any]:
        """The one answer to what was submitted as this line of the samples."""
        intake = INTAKES[line - 1]
        (answer,) = self.desks[intake["tier0"]["sender_agency"]].answers(intake["idempotency_key"])
        value: dict[str, Any] = answer["value"]
        return value | {"outcome": answer["type"].split(".")[2]}

    async def decisions(self) -> dict[UUID, Decision]:
        """What routing decided, by referral; of a draft once it was sent."""
        found = [store.EXPLANATION.validate_python(doc) async for doc in self.db.decisions.find()]
        return {explanation.referral_id: explanation.decision for explanation in found}

    async def ends(self) -> Counter[str]:
        """How many referrals are in which state."""
        return Counter([doc["state"] async for doc in self.db.referrals.find({}, {"state": 1})])


@asynccontextmanager
async def palermo(settings: Settings, logs: Path) -> AsyncIterator[Palermo]:
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(settings, logs, load=SIXTEEN))
        desks = {code: Desk(code, settings.kafka_url, f"{settings.namespace}-") for code in AGENCIES}
        for desk in desks.values():
            await desk.open()
            stack.push_async_callback(desk.close)
        working = [asyncio.create_task(desk.work()) for desk in desks.values()]
        stack.callback(lambda: [work.cancel() for work in working])
        client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value(), tz_aware=True, tzinfo=UTC)
        stack.callback(client.close)
        yield Palermo(settings, processes, desks, client[settings.named("referral")])
