"""On which days a city rests."""

from datetime import UTC, date, datetime

import pytest
from holidays import country_holidays

from contracts import codes
from services.referral import calendar

IN_2026 = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(("city", "day"), [
    ("palermo", date(2026, 7, 15)),
    ("palermo", date(2026, 12, 25)),
    ("palermo", date(2026, 4, 6)),
    ("palermo", date(2026, 10, 4)),
    ("bolzano", date(2026, 5, 25)),
    ("bolzano", date(2027, 5, 17)),
    ("perugia", date(2026, 1, 29)),
    ("latina", date(2026, 7, 6)),
])  # fmt: skip
def test_a_city_rests_on_national_holidays_and_on_its_patron_days(city: str, day: date) -> None:
    assert not calendar.of(city, IN_2026).works_on(day)


@pytest.mark.parametrize(("city", "day"), [
    ("torino", date(2026, 7, 15)), ("perugia", date(2026, 8, 11)), ("palermo", date(2026, 5, 25))])  # fmt: skip
def test_a_city_works_on_the_feasts_of_others(city: str, day: date) -> None:
    assert calendar.of(city, IN_2026).works_on(day)


def test_limits_that_reach_into_the_next_year_find_its_holidays() -> None:
    assert not calendar.of("palermo", datetime(2026, 12, 30, tzinfo=UTC)).works_on(date(2027, 1, 6))


def test_a_calendar_is_made_once_for_a_city_and_year() -> None:
    assert calendar.of("palermo", IN_2026) is calendar.of("palermo", datetime(2026, 12, 1, tzinfo=UTC))


def test_patron_days_agree_with_the_package_but_for_the_differences_that_are_listed() -> None:
    listed = {item["city"] for item in codes.table("holidays")["allowed_differences"]}
    years = (2026, 2027)

    differ = {
        code
        for code, city in codes.codes("cities").items()
        for given in [set(country_holidays("IT", subdiv=city["holiday_subdivision"], years=years))]
        if given != {day for day in calendar.of(code, IN_2026).holidays if day.year in years}
    }

    assert differ <= listed
