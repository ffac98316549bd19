"""Processes that end are started again, ever more slowly if they keep failing, and all are gone when we are."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from deploy.local.lines import Printer
from deploy.local.supervisor import LONGEST_PAUSE_S, Child, Supervisor, pause

STAYS = "import time; print('here', flush=True); time.sleep(60)"
FAILS = "raise SystemExit(3)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + STAYS


def a_child(folder: Path, code: str, name: str = "relay") -> Child:
    return Child(name, lambda: [sys.executable, "-c", code], folder / f"{name}.log", shown=True)


async def starts(child: Child, times: int) -> None:
    async with asyncio.timeout(10):
        while child.starts < times or "here" not in child.log.read_text():
            await asyncio.sleep(0.02)


def test_the_pause_grows_from_nearly_nothing_and_stays_bounded() -> None:
    pauses = [pause(failures) for failures in range(100)]

    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S


async def test_a_process_that_is_killed_is_started_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor, child = Supervisor(Printer()), a_child(tmp_path, STAYS)
    supervisor.keep([child])
    await starts(child, 1)

    assert child.process
    child.process.kill()
    await starts(child, 2)

    await supervisor.stop(last=0)
    assert "relay        | WARNING ended by signal 9; starts again in" in capsys.readouterr().out


async def test_a_process_that_keeps_failing_does_not_storm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor, child = Supervisor(Printer()), a_child(tmp_path, FAILS)

    supervisor.keep([child])
    await asyncio.sleep(2)
    await supervisor.stop(last=0)

    assert 2 <= child.starts <= 4
    assert "ended with exit code 3" in capsys.readouterr().out


async def test_all_are_gone_within_five_seconds_even_the_stubborn(tmp_path: Path) -> None:
    supervisor = Supervisor(Printer())
    engine, service = a_child(tmp_path, STUBBORN, "engine"), a_child(tmp_path, STUBBORN, "service")
    supervisor.keep([engine, service])
    await asyncio.gather(starts(engine, 1), starts(service, 1))

    began = time.monotonic()
    await supervisor.stop(last=1)

    assert time.monotonic() - began < 5
    assert engine.process and engine.process.returncode == -9
    assert service.process and service.process.returncode == -9


async def test_engines_end_after_the_services_that_need_them(tmp_path: Path) -> None:
    ended: list[str] = []
    slow = "import atexit, signal, sys; signal.signal(15, lambda *_: sys.exit());" + STAYS
    supervisor = Supervisor(Printer())
    engine, service = a_child(tmp_path, STAYS, "engine"), a_child(tmp_path, slow, "service")
    supervisor.keep([engine, service])
    await asyncio.gather(starts(engine, 1), starts(service, 1))
    for child in (engine, service):
        supervisor.kept[child].add_done_callback(lambda _, name=child.name: ended.append(name))  # type: ignore[misc]  # of a default mypy sees no type

    await supervisor.stop(last=1)

    assert ended == ["service", "engine"]
