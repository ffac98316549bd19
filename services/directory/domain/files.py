"""Directory files: agencies and offers that must make sense together before any of them is taken."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from contracts.directory import Agency, Offer
from services.directory.domain import agencies, faults, fields, offers
from services.directory.domain.faults import Fault

SCHEMA, MAJOR = "staffetta.sample.directory", "1"
FIELDS = frozenset(
    {"schema", "version", "as_of", "demo", "notice", "network", "cities", "not_served_here", "agencies", "offers"}
)
HERE = "these files: the agency must be in one of them too"
Entry = TypeVar("Entry", Agency, Offer)
Wrong = tuple[str, Fault]
"""The name of a file, and what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Found(Generic[Entry]):
    """An entry, with the name of its file and the JSON pointer where it stands."""

    file: str
    pointer: str
    entry: Entry


def check_file(file: Any) -> Iterator[Fault]:
    """A file by itself, but for its entries. file: parsed JSON."""
    if not isinstance(file, dict):
        yield Fault("wrong_type", "", "must be an object")
        return
    for name in sorted(set(file) - FIELDS):
        yield fields.unknown(name, FIELDS)
    if file.get("schema") != SCHEMA:
        yield Fault("invalid_value", "/schema", f"must be {SCHEMA}")
    if str(file.get("version")).partition(".")[0] != MAJOR:
        yield Fault("unsupported_version", "/version", f"must be {MAJOR}.x.y")
    for name in ("agencies", "offers", "cities", "not_served_here"):
        if not isinstance(file.get(name, []), list):
            yield Fault("wrong_type", f"/{name}", "must be a list")
    yield from faults.of_codes("/cities", _texts(file, "cities"), "cities")
    yield from faults.of_codes("/not_served_here", _texts(file, "not_served_here"), "services")


def _texts(file: dict[str, Any], name: str) -> list[str]:
    given = file.get(name)
    return [str(code) for code in given] if isinstance(given, list) else []


def check_entries(found_agencies: Sequence[Found[Agency]], found_offers: Sequence[Found[Offer]]) -> Iterator[Wrong]:
    """The entries of all files: each alone, and together."""
    known = {found.entry.code: found.entry for found in found_agencies}
    for agency in found_agencies:
        yield from _inside(agency, agencies.check(agency.entry, others=known))
    for offer in found_offers:
        yield from _inside(offer, offers.check(offer.entry, known.get(offer.entry.agency), HERE))
    yield from _used_once((found, found.entry.code) for found in found_agencies)
    yield from _used_once((found, found.entry.code) for found in found_offers)
    yield from _used_once((found, queue) for found in found_agencies for queue in _queues(found.entry))


def _inside(found: Found[Entry], wrong: Iterable[Fault]) -> Iterator[Wrong]:
    for fault in wrong:
        yield found.file, fault.inside(found.pointer)


def _queues(agency: Agency) -> list[str]:
    """A queue is known by its code alone; an agency that has one twice is told so elsewhere."""
    return sorted({queue.code for queue in agency.queues})


def _used_once(uses: Iterable[tuple[Found[Entry], str]]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for found, code in uses:
        if code in seen:
            yield found.file, Fault("inconsistent_data", found.pointer, "must not use a code of another entry")
        seen.add(code)
