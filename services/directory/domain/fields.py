"""Which fields an entry of a directory file may have.

Messages of a later version are read with unknown fields ignored; a file is written by hand, and there an unknown field
is a slip of the pen: with `admision` left out, a shelter for women would be open to everybody.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from contracts.directory import Agency, Capacity, Offer
from contracts.values import Value
from services.directory.domain.faults import Fault

NOTES: dict[type[Value], frozenset[str]] = {
    Agency: frozenset({"demo", "note", "real_name"}),
    Offer: frozenset({"how_to_refer"}),
    Capacity: frozenset({"cohort"}),
}
"""What a file may say for its readers; the directory does not take it, and nobody looks inside."""


def check(given: Any, kind: type[Value], pointer: str = "") -> Iterator[Fault]:
    """given: parsed JSON; whether its values are right is another matter."""
    if isinstance(given, list):
        for i, one in enumerate(given):
            yield from check(one, kind, f"{pointer}/{i}")
    elif isinstance(given, dict):
        known = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        notes = NOTES.get(kind, frozenset())
        for name, value in given.items():
            if name not in known:
                yield from () if name in notes else [unknown(name, {*known, *notes}, pointer)]
            elif part := _part(known[name]):
                yield from check(value, part, f"{pointer}/{step(name)}")


def unknown(name: str, known: set[str] | frozenset[str], pointer: str = "") -> Fault:
    meant = get_close_matches(name, sorted(known), n=1)
    rule = f"is no field here: is `{meant[0]}` meant?" if meant else f"must be one of {', '.join(sorted(known))}"
    return Fault("unknown_field", f"{pointer}/{step(name)}", rule)


def step(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _part(annotation: Any) -> type[Value] | None:
    """The model of a field that holds one, or a tuple of them."""
    inside = (annotation, *get_args(annotation))
    return next((part for part in inside if isinstance(part, type) and issubclass(part, Value)), None)
