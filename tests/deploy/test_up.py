"""The whole relay on one machine: it comes up and shows what became of ten people, stops clean, and remembers."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.local.state import ROOT
from tests.stays import Stay, on_its_own, stop

NEEDS = 21
"""Of the ten people."""


@pytest.fixture
def stay(tmp_path: Path) -> Iterator[Stay]:
    here = Stay(tmp_path)
    yield here
    for process in psutil.process_iter(["cmdline"]):
        if str(tmp_path) in " ".join(process.info["cmdline"] or ()):
            process.kill()


def test_it_comes_up_shows_ten_people_stops_clean_and_remembers_them(stay: Stay) -> None:
    first = stay.up()
    stay.wait(first)
    shown, children = stay.said(), psutil.Process(first.pid).children(recursive=True)

    assert "240 new" in shown
    assert len(set(re.findall(r"^[A-Z]+-2026-\d{5}", shown, re.M))) == 10
    assert all(answer in shown for answer in ("Accepted", "Declined (No capacity)", "Served, completed", "unmet need"))
    known = json.loads((stay.folder / "endpoints.json").read_text("utf-8"))
    assert {"kafka", "mongo", "services"} <= known.keys()
    assert {httpx.get(f"{url}/ready").status_code for url in known["services"].values()} == {200}

    beside = stay.up(said="beside.txt")
    assert (beside.wait(30), stay.said("beside.txt").strip()) == (
        1, f"staffetta: Staffetta is already up here (process {first.pid}): stop that one first."
    )  # fmt: skip

    stop(first)
    assert first.returncode == 0
    assert [child for child in children if child.is_running()] == []
    assert not (stay.folder / "endpoints.json").exists()

    second = stay.up()
    stay.wait(second)
    verify = ["services.cli", "verify", "--json", "--endpoints", str(stay.folder / "endpoints.json")]
    asked = subprocess.run([sys.executable, "-m", *verify], cwd=ROOT, env=on_its_own(), capture_output=True, text=True)
    stop(second)

    assert "sample directory" not in stay.said()
    assert (asked.returncode, second.returncode) == (0, 0), asked.stdout
    looked_at = {check["check"]: check["looked_at"] for check in json.loads(asked.stdout)["checks"]}
    assert looked_at["needs"] == NEEDS
