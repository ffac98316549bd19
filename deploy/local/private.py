"""A broker and a store for one run of the tests, on free ports, with nothing in them, gone afterwards."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from deploy.local import checks
from deploy.local.engine import free_port
from deploy.local.kafka import kafka
from deploy.local.stack import given, module
from deploy.local.state import STATE
from deploy.local.store import store

INTERRUPT_S = 10

Engines = Callable[[], AbstractContextManager[dict[str, str]]]
"""What a run needs to know of its engines, in the words of the environment; they are gone when the run is over."""


@contextmanager
def engines() -> Iterator[dict[str, str]]:
    """KAFKA_URL and MONGO_URL of engines of our own, or those the caller brings."""
    urls = {name: url for name in ("KAFKA_URL", "MONGO_URL") if (url := given(os.environ, name))}
    STATE.mkdir(parents=True, exist_ok=True)
    checks.disk_is_enough(STATE)
    checks.memory_is_enough()
    with tempfile.TemporaryDirectory(prefix="private-", dir=STATE, ignore_cleanup_errors=True) as folder:
        wanted = {"KAFKA_URL": kafka(Path(folder), free_port()), "MONGO_URL": store(Path(folder), free_port())}
        ours = {name: engine for name, engine in wanted.items() if name not in urls}
        try:
            for engine in ours.values():
                engine.start()
            yield urls | {name: engine.url for name, engine in ours.items()}
        finally:
            for engine in ours.values():
                engine.stop()


def run(name: str, *args: str, on: Engines = engines) -> int:
    """Run a Python module against engines of its own; returns its exit code."""
    with on() as urls:
        # what pytest makes of the tests' asserts is kept as bytecode, or each of its workers would make it each time
        kept = {"PYTHONDONTWRITEBYTECODE": ""}
        environment = {**os.environ, **kept, **urls, "STAFFETTA_ENV": "local"}
        with subprocess.Popen(module(name, *args), env=environment, start_new_session=True) as process:
            return _outcome(process)


def _outcome(process: subprocess.Popen[bytes]) -> int:
    """Ctrl-C is passed on and waited for: what it interrupts still has its own processes to end."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(INTERRUPT_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
