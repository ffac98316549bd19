"""The MongoDB-protocol store on one machine: a program of its own that is never imported, with every commit synced."""

import sys
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.engine import HOST, Engine, free_port

CACHE = "256M"
"""How much of it is kept in memory."""

HOW = "directConnection=true&retryWrites=false"
"""One node, which nobody takes over from: a driver that asks again gains nothing, and our services wait and ask anew
themselves. For the asking again this store remembers ten thousand writes, and goes through them at each write.
"""


def store(folder: Path, port: int, cache: str = CACHE) -> Engine:
    """The store that keeps its data in `folder/store`; not started yet."""
    url = f"mongodb://{HOST}:{port}/?{HOW}"
    log = folder / "logs" / "store.log"
    return Engine(
        name="the store",
        url=url,
        port=port,
        log=log,
        argv=lambda: _command(folder / "store", port, cache),
        answers=lambda: answers(url),
    )


def start_store(folder: Path, port: int = 0, cache: str = CACHE) -> Engine:
    """A running store on a port of this machine, a free one unless told; returns when it answers."""
    return store(folder.resolve(), port or free_port(), cache).start()


def _command(data: Path, port: int, cache: str) -> list[str]:
    """Without --sync-on-commit a kill loses what was acknowledged; an empty --config keeps the user's own out."""
    data.mkdir(parents=True, exist_ok=True)
    config = data.with_suffix(".toml")
    config.touch()
    program = str(Path(sys.executable).with_name("secantusd-py"))
    where = ["--host", HOST, "--port", str(port), "--storage-path", str(data), "--cache-size", cache]
    return [program, *where, "--sync-on-commit", "--log-level", "WARNING", "--config", str(config)]


def answers(url: str) -> bool:
    try:
        with MongoClient[dict[str, object]](url, timeoutMS=1000, serverSelectionTimeoutMS=1000) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
