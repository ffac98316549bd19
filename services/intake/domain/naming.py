"""Finding people by name: however it is spelled, by one name or several."""

from collections.abc import Iterable

from contracts.stated import PersonName
from services.intake.domain import spelling

MOST_COMPARED, MOST_FOUND = 500, 20
"""How many of those who sound alike are looked at, and how many are told."""


def keys_of(names: Iterable[str]) -> list[str]:
    """By which an index finds who has such a name."""
    return sorted({f"part:{key}" for part in names for key in spelling.keys_alone(part)})


def asked_keys(asked: tuple[str, ...]) -> list[str]:
    """Of a name that is asked for: those of the part that tells most."""
    return keys_of([max(asked, key=lambda part: len(spelling.sound(part)))]) if asked else []


def is_called(asked: tuple[str, ...], name: PersonName | None) -> bool:
    return spelling.each_is_among(asked, parts_of(name))


def closest(asked: tuple[str, ...], name: PersonName | None) -> int:
    """For an order: how many of the names are written otherwise."""
    return len(set(asked) - set(parts_of(name)))


def parts_of(name: PersonName | None) -> tuple[str, ...]:
    return (*spelling.parts(name.given), *spelling.parts(name.family)) if name else ()
