"""How old a person is by what is known of their birth, and until when the age band that was stated of them holds."""

from datetime import date, timedelta

from contracts import codes
from contracts.events import IntakeRecorded
from contracts.stated import BirthDate
from contracts.values import first_day

BANDS = codes.codes("age_bands")
HOUSEHOLDS = codes.codes("households")
NOT_KNOWN = "unknown"


def age_on(born: BirthDate, day: date) -> int:
    """Whole years; of a partial date its first day counts."""
    first = first_day(born.value)
    return day.year - first.year - ((day.month, day.day) < (first.month, first.day))


def is_to_the_day(born: BirthDate) -> bool:
    """1 January is what is written of a year."""
    day = first_day(born.value)
    return born.precision == "day" and len(born.value) == len("2000-01-01") and (day.month, day.day) != (1, 1)


def band_until(band: str, born: BirthDate | None, day: date) -> date | None:
    """From which day on the person may be older than their band says. day: of which it was stated.

    The first of a month, and a year on at the latest: it tells a month of birth of those alone whom it concerns soon.
    """
    oldest = BANDS[band]["max"]
    if oldest is None:
        return None
    ends = [_first_of_month(day, 1)]
    if born is not None and born.precision != "estimated":
        ends.append(_first_of_month(first_day(born.value), oldest + 1))
    return max(min(ends), day + timedelta(days=1))


def as_of(met: IntakeRecorded, born: BirthDate | None, stated_on: date, day: date) -> IntakeRecorded:
    """The person of a meeting with the age band of this day, where their birth is known to the day; else with until
    when the one holds that was stated. Who was a minor and is none now lives with nobody knows whom.
    """
    before = BANDS[met.age_band]
    if before["min"] is None or born is None or not is_to_the_day(born):
        return met.model_copy(update={"age_band_until": band_until(met.age_band, born, stated_on)})
    band = _band_at(age_on(born, day))
    grown = before["minor"] and not BANDS[band]["minor"] and HOUSEHOLDS.get(met.household, {}).get("minor")
    household = NOT_KNOWN if grown else met.household
    until = band_until(band, born, day)
    return met.model_copy(update={"age_band": band, "household": household, "age_band_until": until})


def _first_of_month(day: date, years_on: int) -> date:
    return date(day.year + years_on, day.month, 1)


def _band_at(age: int) -> str:
    known = {code: band for code, band in BANDS.items() if band["min"] is not None}
    return max((code for code, band in known.items() if band["min"] <= age), key=lambda code: known[code]["min"])
