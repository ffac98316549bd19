"""Every code that an intake may use, and the list it must be in."""

from collections.abc import Iterator, Sequence
from typing import Any

from contracts import codes
from contracts.refusals import Refusal
from contracts.stated import Contact, SubmitIntake
from contracts.values import SharingBasis

CITIES, SERVICES, PRIORITIES = ("cities", "items"), ("services", "items"), ("priorities", "items")

LISTS: dict[str, tuple[str, str]] = {
    "/tier0/city_of_intake": CITIES,
    "/tier0/city_of_presence": CITIES,
    "/tier0/willing_to_travel/*": CITIES,
    "/tier0/intake_channel": ("channels", "intake_channels"),
    "/tier0/accessibility/*": ("channels", "accessibility"),
    "/tier0/age_band": ("age_bands", "items"),
    "/tier0/gender": ("genders", "items"),
    "/tier0/household": ("households", "items"),
    "/tier0/priority": PRIORITIES,
    "/tier0/services/*/service": SERVICES,
    "/tier0/services/*/depends_on": SERVICES,
    "/tier0/services/*/priority": PRIORITIES,
    "/tier0/sharing_basis/*/type": ("sharing", "types"),
    "/tier0/sharing_basis/*/purposes/*": ("sharing", "purposes"),
    "/tier0/sharing_basis/*/scope": ("sharing", "scopes"),
    "/tier0/sharing_basis/*/given_by": ("sharing", "given_by"),
    "/tier1/citizenship": ("countries", "items"),
    "/tier1/contact/channel": ("channels", "contact_channels"),
    "/tier2/needs/*": ("needs", "items"),
    "/tier2/ethos": ("ethos", "items"),
    "/tier2/identifiers/*/type": ("identifiers", "items"),
    "/tier2/vulnerabilities/*": ("vulnerabilities", "items"),
    "/tier2/services_received/*": SERVICES,
}
"""Which list of the reference data (file, part) holds the codes of a field; `*` stands for a place in a list."""

LANGUAGES = frozenset({"/tier0/language", "/tier0/other_languages/*", "/tier0/sharing_basis/*/language"})
"""A person speaks what they speak, in the list of languages or not."""


def check_codes(submitted: SubmitIntake) -> None:
    """Raises Refusal for the first code, in the order of the fields, that its list does not have."""
    _check(_texts(submitted.model_dump(), "", ""))


def check_basis(basis: SharingBasis) -> None:
    """The same for a sharing basis that comes later."""
    _check(_texts(basis.model_dump(), "/tier0/sharing_basis/*", "/basis"))


def check_contact(contact: Contact) -> None:
    """The same for a contact that comes later."""
    _check(_texts(contact.model_dump(), "/tier1/contact", "/contact"))


def _check(texts: Iterator[tuple[str, str, str]]) -> None:
    for pattern, pointer, code in texts:
        if pattern in LISTS and not codes.is_code(LISTS[pattern][0], code, LISTS[pattern][1]):
            raise Refusal("unknown_code", pointer, allowed=tuple(codes.codes(*LISTS[pattern])))
        if pattern in LANGUAGES and not codes.is_language(code):
            raise Refusal("unknown_code", pointer, allowed=tuple(codes.codes("languages")))


def _texts(value: Any, pattern: str, pointer: str) -> Iterator[tuple[str, str, str]]:
    """Every text with where it stands: as a pattern of `LISTS`, and as a JSON pointer."""
    if isinstance(value, str):
        yield pattern, pointer, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _texts(part, f"{pattern}/{name}", f"{pointer}/{name}")
    elif isinstance(value, Sequence):
        for i, part in enumerate(value):
            yield from _texts(part, f"{pattern}/*", f"{pointer}/{i}")
