"""The directory's entries as they change: each change is one version more."""

from collections.abc import Iterable
from typing import TypeVar

from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from services.directory.domain.faults import Fault

Entry = TypeVar("Entry", Agency, Offer)


def put(entry: Entry, known: Entry | None, wrong: Iterable[Fault], pointer: str) -> Entry:
    """The entry with its version: the known one if nothing is different. Raises Refusal for the first fault.

    pointer: where the entry is in the command.
    """
    for fault in wrong:
        raise Refusal(fault.code, pointer + fault.pointer)
    version = known.version if known else 0
    return known if known == entry.model_copy(update={"version": version}) else _next(entry, version)


def _next(entry: Entry, version: int) -> Entry:
    return entry.model_copy(update={"version": version + 1})
