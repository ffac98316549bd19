"""What goes wrong outside of us is waited out; a doubt, or a bug of ours, ends the process."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

log = logging.getLogger("staffetta.worker")
T = TypeVar("T")


def die(why: str) -> NoReturn:
    """Never carry on beside an unknown state: the next start recovers."""
    log.error("ending: %s", why)
    os._exit(1)


async def patiently(what: Callable[..., Awaitable[T]], *args: Any) -> T:
    """A fault of broker or store is never poison: wait and try again. A bug of ours ends the process.

    FastStream and aiokafka's listeners would swallow what is raised, and go on with the next batch.
    """
    while True:
        try:
            return await what(*args)
        except (PyMongoError, KafkaError) as fault:
            conflict = isinstance(fault, PyMongoError) and fault.has_error_label("TransientTransactionError")
            if not conflict:
                log.warning("again after %s", type(fault).__name__)
            await asyncio.sleep(0.01 if conflict else 0.2)
        except Exception as bug:
            log.exception("a bug")
            die(f"bug: {type(bug).__name__}")
