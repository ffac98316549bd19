"""The client in docs/integrating.md, run as it stands: one agency submits, the other accepts."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from services.chassis.settings import Settings
from tests.agency import Agency
from tests.builders import an_intake
from tests.processes import ROOT, running

pytestmark = pytest.mark.timeout(120)


def the_client() -> str:
    text = (ROOT / "docs/integrating.md").read_text("utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    return found.group(1)


async def test_the_documented_client_submits_reads_and_answers(network: Settings, logs: Path, tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(the_client())
    (tmp_path / "intake.json").write_text(json.dumps(an_intake()))
    async with running(network, logs, load=("directory.palermo.json",)):
        watching = Agency("pa.comune", network.kafka_url, f"{network.namespace}-")
        await watching.open()
        clients = [
            await _client(network, tmp_path, "pa.comune", "intake.json"),
            await _client(network, tmp_path, "pa.accura"),
        ]

        accepted = await watching.event("referral.accepted", seconds=40)

        assert accepted["value"]["receiver_agency"] == "pa.accura"
        for client in clients:
            client.terminate()
            said, _ = await client.communicate()
            assert b"staffetta.command.accepted.v1" in said
        await watching.close()


async def _client(network: Settings, folder: Path, agency: str, *intake: str) -> asyncio.subprocess.Process:
    own = {"KAFKA_URL": network.kafka_url, "AGENCY": agency, "TOPIC_PREFIX": f"{network.namespace}-"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "client.py", *intake, cwd=folder, env=os.environ | own, stdout=asyncio.subprocess.PIPE
    )
