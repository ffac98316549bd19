"""The clients in docs/integrating.md, run as they stand: one agency submits, the other accepts."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from services.chassis.settings import Settings
from tests.agency import Agency
from tests.builders import an_intake
from tests.processes import ROOT, running

PACKAGES = Path(__file__).with_name("javascript")
"""Which client library for Node the documented client is run with: name, version and hashes; npm brings it."""


def the_client(language: str) -> str:
    text = (ROOT / "docs/integrating.md").read_text("utf-8")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found.group(1)


def in_python(folder: Path) -> list[str]:
    (folder / "client.py").write_text(the_client("python"))
    return [sys.executable, "client.py"]


def in_javascript(folder: Path) -> list[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        pytest.skip("there is no Node with npm here: the JavaScript client was not run")
    (folder / "client.mjs").write_text(the_client("javascript"))
    shutil.copytree(PACKAGES, folder, dirs_exist_ok=True)
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    return [node, "client.mjs"]


@pytest.mark.parametrize("prepare", [in_python, in_javascript])
async def test_the_documented_client_submits_reads_and_answers(
    network: Settings, logs: Path, tmp_path: Path, prepare: Callable[[Path], list[str]]
) -> None:
    client = prepare(tmp_path)
    (tmp_path / "intake.json").write_text(json.dumps(an_intake()))
    async with running(network, logs), AsyncExitStack() as at_the_end:
        watching = Agency("pa.comune", network.kafka_url, f"{network.namespace}-")
        await watching.open()
        at_the_end.push_async_callback(watching.close)
        agencies = [
            await _start(at_the_end, network, tmp_path, "pa.comune", *client, "intake.json"),
            await _start(at_the_end, network, tmp_path, "pa.accura", *client),
        ]

        accepted = await watching.event("referral.accepted")

        assert accepted["value"]["receiver_agency"] == "pa.accura"
        for agency in agencies:
            agency.terminate()
            said, _ = await agency.communicate()
            assert b"staffetta.command.accepted.v1" in said


async def _start(
    at_the_end: AsyncExitStack, network: Settings, folder: Path, agency: str, *client: str
) -> asyncio.subprocess.Process:
    own = {"KAFKA_URL": network.kafka_url, "AGENCY": agency, "TOPIC_PREFIX": f"{network.namespace}-"}
    process = await asyncio.create_subprocess_exec(
        *client, cwd=folder, env=os.environ | own, stdout=asyncio.subprocess.PIPE
    )
    at_the_end.push_async_callback(_end, process)
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
