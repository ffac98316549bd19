"""The whole of two agencies' work with nothing but curl and a token, by the lines of docs/integrating.md."""

import asyncio
import json
import os
import re
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.chassis.settings import Settings
from tests.builders import an_intake
from tests.processes import ROOT, Processes, running

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

FUNCTIONS, LINES = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/integrating.md").read_text("utf-8"), re.DOTALL)
USED: set[str] = set()


@dataclass
class Desk:
    """Somebody of an agency at a shell. known: the variables set so far."""

    agency: str
    relay: Processes
    folder: Path
    known: dict[str, str] = field(default_factory=dict)
    stated: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, begins: str, **known: str) -> Any:
        """Run the documented line that begins so; what it printed."""
        [line] = [line for line in LINES.splitlines() if line.startswith(begins)]
        USED.add(line)
        self.known |= known
        addresses = {name: self.relay.url(service) for name, service in SERVICES.items()}
        told = {"AGENCY": self.agency, "TOKEN": self.relay.token(self.agency)} | addresses | self.known
        process = await asyncio.create_subprocess_exec(
            "sh", "-euc", FUNCTIONS + line, cwd=self.folder, env=os.environ | told,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complaint = await process.communicate()
        if process.returncode:
            raise Refused(said.decode() + complaint.decode())
        return json.loads(said)

    async def submits(self) -> None:
        key = f"{self.agency}/{uuid4().hex}/1"
        self.stated = an_intake(key)
        (self.folder / "intake.json").write_text(json.dumps(self.stated))
        await self.says("say staffetta.intake.submit", KEY=key)

    async def answers(self, command: str) -> str:
        """Returns the state after it."""
        answer = await self.says(f'answer "$REFERRAL" {command}', NOW=datetime.now(UTC).isoformat())
        return str(answer["state"])

    async def says(self, begins: str, **known: str) -> Any:
        """Run a line that asks for something; the answer, which must be yes, looked up where the response says."""
        asked = await self(begins, **known)
        async with asyncio.timeout(60):
            while not (found := await self('ask "$GATEWAY$LOCATION"', LOCATION=asked["location"]))["answer"]:
                await asyncio.sleep(0.1)
        assert found["answer"]["outcome"] == "accepted", found
        return found["answer"]

    async def hears(self, type: str, **wanted: str) -> Any:
        """Follow the feed from where it was left until such an event; its data."""
        async with asyncio.timeout(60):
            while True:
                begins = 'ask "$GATEWAY/v1/feed?after' if "CURSOR" in self.known else 'ask "$GATEWAY/v1/feed" '
                page = await self(begins)
                for entry in page["entries"]:
                    self.known["CURSOR"] = str(entry["cursor"])
                    if entry["type"] == f"staffetta.{type}.v1" and wanted.items() <= entry["data"].items():
                        return entry["data"]

    async def is_told_of(self, person: str) -> Any:
        async with asyncio.timeout(60):
            while True:
                try:
                    return await self('ask "$INTAKE/v1/people', PERSON=person)
                except Refused:
                    await asyncio.sleep(0.1)


SERVICES = {"GATEWAY": "gateway", "INTAKE": "intake", "REFERRALS": "referral"}


class Refused(Exception):
    """curl ended with another status than 0."""


async def test_two_agencies_do_all_their_work_with_curl(network: Settings, logs: Path) -> None:
    async with running(network, logs) as relay:
        sender, receiver = Desk("pa.comune", relay, logs), Desk("pa.accura", relay, logs)

        await sender.submits()
        await sender.hears("referral.sent")
        sent = await receiver.hears("referral.sent")
        [waiting] = await receiver('ask "$REFERRALS/v1/queues')
        why = await receiver('ask "$REFERRALS/v1/referrals', REFERRAL=sent["referral_id"])
        with pytest.raises(Refused, match="404"):
            await receiver('ask "$INTAKE/v1/people', PERSON=sent["person_ref"])
        assert await receiver.answers("accept") == "ACCEPTED"
        person = await receiver.is_told_of(sent["person_ref"])
        assert await receiver.answers("start") == "IN_SERVICE"
        assert await receiver.answers("close") == "CLOSED"
        closed = await sender.hears("referral.closed")

        assert waiting["referral_id"] == closed["referral_id"] == sent["referral_id"]
        assert why["candidates"][0]["agency"] == "pa.accura"
        assert person["tier1"]["name"] == sender.stated["tier1"]["name"]

        await sender.submits()
        sent = await receiver.hears("referral.sent")
        receiver.known["REFERRAL"] = sent["referral_id"]
        assert await receiver.answers("decline") == "DECLINED"
        opened = await sender.hears("task.opened", referral_id=sent["referral_id"])
        [task] = await sender('ask "$REFERRALS/v1/tasks')
        done = await sender.says("echo", TASK=task["task_id"])
        await sender.hears("task.done", task_id=opened["task_id"])

        assert task["task_id"] == opened["task_id"]
        assert done["state"] == "DONE"
        assert await sender('ask "$REFERRALS/v1/tasks') == []
        assert set(LINES.splitlines()) == USED
