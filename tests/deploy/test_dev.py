"""`./dev` explains itself, and refuses in a sentence."""

import subprocess
import sys
from pathlib import Path

DEV = Path(__file__).parents[2] / "dev"


def dev(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(DEV), *args], capture_output=True, text=True, check=False)


def test_dev_alone_explains_every_command() -> None:
    said = dev()

    assert said.returncode == 0
    for command in ("up", "test", "lint", "bench", "chaos", "clean"):
        assert f"\n  {command} " in said.stdout


def test_an_unknown_command_is_refused_with_the_explanation() -> None:
    said = dev("fly")

    assert said.returncode == 2
    assert "usage: ./dev COMMAND" in said.stdout


def test_whoever_asks_how_to_bring_it_up_is_told_and_nothing_is_installed() -> None:
    said = dev("up", "--help")

    assert (said.returncode, said.stdout) == (0, dev().stdout)
