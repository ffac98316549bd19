"""What goes wrong outside of us is waited out; a doubt, or a bug of ours, ends the process."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from aiokafka.errors import KafkaError
from bson.errors import InvalidDocument
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from services.chassis.reaching import kind_of

log = logging.getLogger("staffetta.worker")
T = TypeVar("T")

OF_THE_DATA = frozenset(
    {
        2, 9, 14, 15, 16, 22, 28, 52, 53, 54, 55, 56, 57, 66, 171,  # a query or a document that it cannot take
        121, 11000,  # against a rule of the collection, or there once already
        257, 10334, 17280, 17419, 17420,  # too large
    }
)  # fmt: skip
"""MongoDB's codes for what is refused however often it is tried. Of any other fault the next try may be luckier."""


class Fenced(Exception):
    """A stored position is not what we stored last: another owner, our own unseen commit, or a restored store."""


class Unwritable(Exception):
    """The store refuses what a batch would write, or ask, for a reason of the data: its code and where; or we do."""


def unwritable(fault: Exception) -> Unwritable | None:
    """What a fault comes to, if the data are the reason for all of it."""
    codes: list[Any] = [fault.code] if isinstance(fault, OperationFailure) else []
    if isinstance(fault, BulkWriteError):
        codes = [error["code"] for error in fault.details["writeErrors"]]
    if isinstance(fault, InvalidDocument) or (codes and OF_THE_DATA.issuperset(codes)):
        return Unwritable(":".join((str((codes or [type(fault).__name__])[0]), *getattr(fault, "__notes__", ()))))
    return None


def die(why: str) -> NoReturn:
    """Never carry on beside an unknown state: the next start recovers."""
    log.error("ending: %s", why)
    os._exit(1)


async def patiently(what: Callable[..., Awaitable[T]], *args: Any) -> T:
    """A fault of broker or store is never poison: wait and try again. A bug of ours ends the process.

    Raises Fenced and Unwritable: its caller knows what to do. FastStream and aiokafka's listeners would swallow what is
    raised, and go on with the next batch.
    """
    while True:
        try:
            return await what(*args)
        except (PyMongoError, KafkaError) as fault:
            conflict = isinstance(fault, PyMongoError) and fault.has_error_label("TransientTransactionError")
            if not conflict:
                log.warning("again after %s", kind_of(fault))
            await asyncio.sleep(0.01 if conflict else 0.2)
        except (Fenced, Unwritable):
            raise
        except Exception as bug:
            log.exception("a bug")
            die(f"bug: {type(bug).__name__}")
