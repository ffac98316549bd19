"""What is wrong with an entry, and where."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from contracts import codes
from contracts.directory import OpeningHours

NOT_IN_EMAIL = r"@\s,;:<>()\[\]\"\\"
EMAIL = re.compile(f"[^{NOT_IN_EMAIL}]+@[^{NOT_IN_EMAIL}.]+(\\.[^{NOT_IN_EMAIL}.]+)+")
"""Its form only: whether it exists is known when a mail goes there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """code: of `rejection_codes.json`. pointer: JSON pointer into the entry. rule: what should hold, in a sentence."""

    code: str
    pointer: str
    rule: str

    def inside(self, pointer: str) -> "Fault":
        return replace(self, pointer=pointer + self.pointer)


def of_code(pointer: str, code: str | None, list_: str, part: str = "items") -> Iterator[Fault]:
    """A code that is not in its list of the reference data; one that is not given is no fault."""
    if code is not None and not codes.is_code(list_, code, part):
        yield Fault("unknown_code", pointer, f"must be one of {list_}.json" + ("" if part == "items" else f", {part}"))


def of_codes(pointer: str, given: Iterable[str], list_: str, part: str = "items") -> Iterator[Fault]:
    for i, code in enumerate(given):
        yield from of_code(f"{pointer}/{i}", code, list_, part)


def of_languages(pointer: str, given: Iterable[str]) -> Iterator[Fault]:
    for i, tag in enumerate(given):
        if not codes.is_language(tag):
            yield Fault("unknown_code", f"{pointer}/{i}", "must be a language tag (BCP 47)")


def of_email(pointer: str, address: str | None) -> Iterator[Fault]:
    if address is not None and not EMAIL.fullmatch(address):
        yield Fault("invalid_value", pointer, "must be an address for mail, such as desk@example.org")


def of_hours(pointer: str, hours: Iterable[OpeningHours]) -> Iterator[Fault]:
    for i, opening in enumerate(hours):
        if not opening.days:
            yield Fault("missing_field", f"{pointer}/{i}/days", "must name at least one day")
        if not "00:00" <= opening.start < opening.end <= "24:00":
            yield Fault("inconsistent_data", f"{pointer}/{i}/to", "must come after `from`, on the same day")


def of_repeats(pointer: str, given: Iterable[str], part: str = "") -> Iterator[Fault]:
    """Every use of a code after its first."""
    seen: set[str] = set()
    for i, code in enumerate(given):
        if code in seen:
            yield Fault("inconsistent_data", f"{pointer}/{i}{part}", "must be used once")
        seen.add(code)
