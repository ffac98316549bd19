"""On which days a city rests: national holidays from the package `holidays`, patron days from `cities.json`."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.easter import easter
from holidays import country_holidays

from contracts import codes
from services.referral.domain.clocks import Calendar

COUNTRY: str = codes.table("holidays")["package"]["country"]


def of(city: str, now: datetime) -> Calendar:
    """The calendar of a city around this instant: from the year before to the year after."""
    return _around(city, now.year)


@cache
def _around(city: str, year: int) -> Calendar:
    known = codes.codes("cities")[city]
    years = range(year - 1, year + 2)
    days = {day for y in years for day in _patron_days(known, y)} | set(country_holidays(COUNTRY, years=years))
    return Calendar(ZoneInfo(known["timezone"]), frozenset(days))


def _patron_days(city: dict[str, Any], year: int) -> Iterable[date]:
    for feast in (city["patron_day"], *city["other_patron_days"]):
        if feast["rule"] == "easter_offset":
            yield easter(year) + timedelta(days=feast["easter_offset_days"])
        else:
            yield date(year, feast["month"], feast["day"])
