"""A broker or a store as a process of its own: started, asked whether it answers, stopped, killed."""

import ctypes
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.faults import CannotRun

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1


@dataclass
class Engine:
    """url: what clients are given. argv: makes its folder ready and says what to run. answers: does it serve now?"""

    name: str
    url: str
    port: int
    log: Path
    argv: Callable[[], list[str]]
    answers: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, patience_s: float = 60) -> "Engine":
        """Return when it answers; on a folder that was used before it goes on with what it kept."""
        argv = self.argv()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_us()
            )
        deadline = time.monotonic() + patience_s
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise CannotRun(f"{self.name} does not start; its last words are in {self.log}")
            time.sleep(0.1)
        return self

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.process.pid

    def stop(self, patience_s: float = 10) -> None:
        """Ask it to end and wait; past `patience_s` it is killed."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it without a warning, as a crash would: `kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def end_with_us() -> Callable[[], None] | None:
    """On Linux a child ends when its parent is killed, so that no engine is left behind holding its port.

    The kernel counts the *thread* that started the child as its parent, hence only in the main thread.
    """
    if not sys.platform.startswith("linux") or threading.current_thread() is not threading.main_thread():
        return None
    libc = ctypes.CDLL(None)

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return ask_the_kernel


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
