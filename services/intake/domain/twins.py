"""Who may be the same person as one who was met before: features with weights (`matching.json`), and no decision."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from contracts import codes
from contracts.events import IntakeRecorded
from services.intake.domain import identifiers, spelling
from services.intake.domain.ages import is_to_the_day
from services.intake.domain.intake import Personal

FEATURES = codes.codes("matching")
THRESHOLD: int = codes.table("matching")["threshold"]
MOST_SUSPECTED: int = codes.table("matching")["most_suspected"]
MOST_COMPARED: int = codes.table("matching")["most_compared"]
MOST_LOOKED_AT = 20
"""Of so many it is looked at whether the desk may know of them."""
AGES = codes.codes("age_bands")
LASTING = frozenset(
    code
    for code, of in codes.codes("identifiers").items()
    if of["scope"] == "national" and of["validity_months"] is None
)
"""The identifiers that a person keeps: only of these another one speaks against. A renewed one is another."""
LAST_DIGITS = 9
"""So many digits of a telephone number tell it, with or without its country's code."""
LEAST_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Traits:
    """What of a person is compared. identifiers: (type, value) of those that can be what they say."""

    person_ref: str
    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    birth_date: str | None = None
    birth_year: str | None = None
    contact: str | None = None
    citizenship: str | None = None
    language: str | None = None
    age_band: str = "unknown"
    identifiers: frozenset[tuple[str, str]] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.given, *self.family)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much two people have in common, and what."""

    person_ref: str
    weight: int
    reasons: tuple[str, ...]


def traits(person: Personal, met: IntakeRecorded) -> Traits:
    name, born, contact = person.tier1.name, person.tier1.birth_date, person.tier1.contact
    return Traits(
        person_ref=person.pseudonym,
        given=spelling.parts(name.given if name else None),
        family=spelling.parts(name.family if name else None),
        birth_date=born.value if born and is_to_the_day(born) else None,
        birth_year=born.value[:4] if born and born.precision != "estimated" else None,
        contact=_reached(contact.value if contact else None),
        citizenship=person.tier1.citizenship,
        language=met.language,
        age_band=met.age_band,
        identifiers=frozenset(_identifiers(person)),
    )


def strong_keys(of: Traits) -> list[str]:
    """By which an index finds who has an identifier or a way to be reached in common."""
    found = [f"{type}:{value}" for type, value in of.identifiers]
    return sorted([*found, *([f"contact:{of.contact}"] if of.contact else [])])


def name_keys(of: Traits) -> list[str]:
    return sorted(f"name:{key}" for key in spelling.keys(of.names))


def suspects(who: Traits, others: Iterable[Traits]) -> list[Likeness]:
    """The people who may be this one, the likeliest first; of several meetings of one the likeliest counts."""
    best: dict[str, Likeness] = {}
    for like in (compare(who, other) for other in others if other.person_ref != who.person_ref):
        known = best.get(like.person_ref)
        if like.weight >= THRESHOLD and (known is None or like.weight > known.weight):
            best[like.person_ref] = like
    return sorted(best.values(), key=lambda like: (-like.weight, like.person_ref))[:MOST_LOOKED_AT]


def compare(one: Traits, other: Traits) -> Likeness:
    found = list(chain(_names(one, other), _dates(one, other), _others(one, other)))
    main, support, against = (
        [code for code in found if FEATURES[code]["kind"] == kind] for kind in ("main", "support", "against")
    )
    weight = sum(FEATURES[code]["weight"] for code in main) - sum(FEATURES[code]["weight"] for code in against)
    weight += max((FEATURES[code]["weight"] for code in support), default=0)
    return Likeness(other.person_ref, weight, (*main, *support, *against))


def _names(one: Traits, other: Traits) -> Iterator[str]:
    if not (one.names and other.names):
        return
    if one.given and one.family and (one.given, one.family) == (other.given, other.family):
        yield "same_name"
    elif len(one.names) > 1 and sorted(one.names) == sorted(other.names):
        yield "name_order"
    elif spelling.all_alike(one.names, other.names):
        yield "similar_name"


def _dates(one: Traits, other: Traits) -> Iterator[str]:
    if one.birth_date and one.birth_date == other.birth_date:
        yield "same_birth_date"
    elif one.birth_year and one.birth_year == other.birth_year:
        yield "other_birth_date" if one.birth_date and other.birth_date else "same_birth_year"
    elif one.birth_year and other.birth_year:
        yield "other_birth_date"
    elif _apart(one.age_band, other.age_band):
        yield "other_age"


def _others(one: Traits, other: Traits) -> Iterator[str]:
    if one.identifiers & other.identifiers:
        yield "same_identifier"
    elif LASTING & {type for type, _ in one.identifiers} & {type for type, _ in other.identifiers}:
        yield "other_identifier"
    for code, mine, theirs in (
        ("same_contact", one.contact, other.contact),
        ("same_citizenship", one.citizenship, other.citizenship),
        ("same_language", one.language, other.language),
    ):
        if mine and mine == theirs:
            yield code


def _apart(one: str, other: str) -> bool:
    """More than a year between the youngest of one band and the oldest of the other."""
    a, b = sorted((AGES[one], AGES[other]), key=lambda band: band["min"] or 0)
    return a["max"] is not None and b["min"] is not None and bool(b["min"] - a["max"] > 1)


def _reached(value: str | None) -> str | None:
    written = (value or "").strip().casefold()
    if "@" in written:
        return written
    digits = re.sub(r"\D", "", written)
    return digits[-LAST_DIGITS:] if len(digits) >= LEAST_DIGITS else None


def _identifiers(person: Personal) -> Iterator[tuple[str, str]]:
    stated = [(identifier.type, identifier.value) for identifier in person.tier2.identifiers]
    if person.tier1.case_code:
        stated.append(("case_code", person.tier1.case_code))
    for type, value in stated:
        written = value.strip().upper()
        if identifiers.is_sound(type, value) and set(written) != {"0"}:
            yield type, written
