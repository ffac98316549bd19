"""`./dev up` as a person runs it, with a folder and ports of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.engine import HOST, free_port
from deploy.local.stack import SERVICES
from deploy.local.state import ROOT

IN_A_FOLDER = """
import sys
from pathlib import Path
from deploy.local import __main__ as dev
dev.STATE = Path(sys.argv[1])
sys.exit(dev.main(["up", *sys.argv[2:]]))
"""
PATIENCE_S = 180


@dataclass
class Stay:
    """folder: what the relay remembers, and what its parts say."""

    folder: Path
    ports: list[str] = field(default_factory=lambda: _ports())

    def up(self, *wish: str, said: str = "said.txt") -> subprocess.Popen[bytes]:
        """Begun, not waited for. said: the file of the folder that gets what it says."""
        command = [sys.executable, "-c", IN_A_FOLDER, str(self.folder), *self.ports, *wish]
        with (self.folder / said).open("wb") as to:
            return subprocess.Popen(command, cwd=ROOT, env=on_its_own(), stdout=to, stderr=to)

    def said(self, file: str = "said.txt") -> str:
        return (self.folder / file).read_text("utf-8")

    def wait(self, running: subprocess.Popen[bytes]) -> float:
        """Until it is up; the seconds that took."""
        began = time.monotonic()
        while not (self.folder / "endpoints.json").exists():
            if running.poll() is not None or time.monotonic() - began > PATIENCE_S:
                raise AssertionError(f"it did not come up: {self.said()[-3000:]}")
            time.sleep(0.05)
        return time.monotonic() - began


def on_its_own() -> dict[str, str]:
    """An environment that names no engines."""
    return {name: value for name, value in os.environ.items() if name not in ("KAFKA_URL", "MONGO_URL")}


def stop(running: subprocess.Popen[bytes]) -> float:
    """As Ctrl-C does; the seconds that took."""
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    running.wait(60)
    return time.monotonic() - began


def _ports() -> list[str]:
    """Every service's follows the first one's."""
    names = ("--kafka-port", "--mongo-port", "--mail-port")
    return [word for name in names for word in (name, str(free_port()))] + ["--http-port", str(_in_a_row())]


def _in_a_row() -> int:
    return next(at for at in range(28_470, 30_000, 10) if all(_is_free(at + n) for n in range(len(SERVICES) + 1)))


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex((HOST, port)) != 0
