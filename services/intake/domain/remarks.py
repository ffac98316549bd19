"""What the desk is told of an intake that is taken all the same: flags of `rejection_codes.json`."""

from collections.abc import Iterator
from datetime import datetime

from contracts.stated import PersonName, SubmitIntake
from services.intake.domain import identifiers

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula."""


def flags(submitted: SubmitIntake, now: datetime) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_flags(submitted, now)))


def _flags(submitted: SubmitIntake, now: datetime) -> Iterator[str]:
    if submitted.occurred_at > now:
        yield "clock_ahead"
    if any(text.startswith(FORMULA) for text in _written_by_hand(submitted)):
        yield "export_escape"
    stated = [(identifier.type, identifier.value) for identifier in submitted.tier2.identifiers]
    if submitted.tier1.case_code:
        stated.append(("case_code", submitted.tier1.case_code))
    if not all(identifiers.is_sound(type, value) for type, value in stated):
        yield "identifier_check_failed"


def _written_by_hand(submitted: SubmitIntake) -> Iterator[str]:
    """Names and free text; not ways to reach the person, since a telephone number rightly begins with +."""
    tier1, caregiver = submitted.tier1, submitted.tier1.caregiver
    yield from _parts(tier1.name)
    yield from _parts(caregiver.name if caregiver else None)
    yield submitted.tier0.priority_reason or ""
    yield submitted.tier2.narrative or ""


def _parts(name: PersonName | None) -> tuple[str, ...]:
    return (name.given or "", name.family or "") if name else ()
