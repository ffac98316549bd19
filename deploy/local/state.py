"""Where the one-machine stack keeps what it remembers: data, keys, logs, downloads, and where to find it."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.faults import CannotRun

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".staffetta"
CACHE = STATE / "cache"

DATA = ("kafka", "store", "mail")
FIRST_START = "first-start"
"""This file stands from the moment an empty store is seen until the sample directory and the demo are through."""


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """One `up` at a time in a folder. The lock ends with the process, however that ends."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "up.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            who = lock.read().strip()
            raise CannotRun(f"Staffetta is already up here (process {who}): stop that one first.") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def forget(state: Path) -> None:
    """Delete the engines' data; keys, logs and downloads stay."""
    for name in DATA:
        shutil.rmtree(state / name, ignore_errors=True)
    (state / FIRST_START).unlink(missing_ok=True)


def write_endpoints(
    state: Path, kafka: str, mongo: str, services: Mapping[str, str], *, smtp: str, mail: Path | None
) -> None:
    """For programs that want to find the stack. Readable by its owner alone: an address may hold a password.

    mail: the folder in which our own mail server keeps what it is given.
    """
    known = {"kafka": kafka, "mongo": mongo, "smtp": smtp, "mail": mail and str(mail), "services": dict(services)}
    text = json.dumps(known, indent=2) + "\n"
    fresh = state / "endpoints.json.new"
    write_private(fresh, text)
    fresh.replace(state / "endpoints.json")


def write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
