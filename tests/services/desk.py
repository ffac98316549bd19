"""A relay that runs, and somebody who types `staffetta` beside it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.chassis.settings import Settings
from tests import nursery
from tests.nursery import Asked
from tests.processes import AUDIENCE, ISSUER, RELAY, ROOT, Processes, running

PIPE = asyncio.subprocess.PIPE


@dataclass
class Desk:
    """A folder in which a relay was started, and a person who types there."""

    folder: Path
    relay: Processes

    async def __call__(self, *args: str) -> Asked:
        return await self.run("services.cli", *args)

    @property
    def environment(self) -> dict[str, str]:
        settings = self.relay.settings
        return os.environ | {
            "STAFFETTA_NAMESPACE": settings.namespace, "KAFKA_URL": settings.kafka_url, "PYTHONPATH": str(ROOT),
            "TOKEN_ISSUER": ISSUER, "TOKEN_AUDIENCE": AUDIENCE, "LANG": "C.UTF-8",
        }  # fmt: skip

    async def run(self, module: str, *args: str) -> Asked:
        return await nursery.run(module, *args, environment=self.environment, cwd=self.folder)

    async def begin(self, module: str, *args: str, stdout: int = PIPE, **more: str) -> asyncio.subprocess.Process:
        """One that stays, to be listened to."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *args, cwd=self.folder, env=self.environment | more, stdout=stdout,
            stderr=PIPE,
        )  # fmt: skip

    def file(self, *intakes: dict[str, Any]) -> str:
        path = self.folder / f"{uuid4().hex}.jsonl"
        path.write_text("".join(json.dumps(intake) + "\n" for intake in intakes), "utf-8")
        return str(path)


@asynccontextmanager
async def at_a_desk(engines: Settings, folder: Path) -> AsyncIterator[Desk]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    async with running(settings, folder) as relay:
        state = folder / ".staffetta"
        (state / "issuer").mkdir(parents=True)
        (state / "issuer" / "key.json").write_text(json.dumps(relay.key.as_dict(private=True)))
        known = {"kafka": settings.kafka_url, "mongo": settings.mongo_url.get_secret_value(),
                 "services": {service: relay.url(service) for service in RELAY}}  # fmt: skip
        (state / "endpoints.json").write_text(json.dumps(known))
        desk = Desk(folder, relay)
        async with asyncio.timeout(120):  # an agency's topics come a moment after it is known
            while (await desk("topics", "--agency", "pa.comune")).status:
                await asyncio.sleep(0.2)
        yield desk
