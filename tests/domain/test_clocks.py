"""Until when somebody has time: wall and business hours, weekends, holidays, and the nights when clocks change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codes
from services.referral.domain import clocks
from services.referral.domain.clocks import Calendar, due
from tests.builders import PALERMO

ROME = ZoneInfo("Europe/Rome")


def rome(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ROME)


def limit(amount: int, unit: str, clock: str = "business", **more: Any) -> dict[str, Any]:
    return {"amount": amount, "unit": unit, "clock": clock} | more


def due_in_rome(given_limit: dict[str, Any], start: str, *, rests: tuple[date, ...] = ()) -> str:
    found = due(given_limit, rome(start), replace(PALERMO, holidays=frozenset(rests)))
    return found.astimezone(ROME).strftime("%a %d %b %H:%M")


@pytest.mark.parametrize(("amount", "start", "expected"), [
    (1, "2026-10-27T10:00", "Tue 27 Oct 11:00"),
    (1, "2026-10-27T17:00", "Wed 28 Oct 09:00"),
    (1, "2026-10-27T16:30", "Tue 27 Oct 17:30"),
    (1, "2026-10-27T20:00", "Wed 28 Oct 09:30"),
    (1, "2026-10-27T06:00", "Tue 27 Oct 09:30"),
    (1, "2026-10-30T17:00", "Mon 02 Nov 09:00"),
    (1, "2026-10-31T12:00", "Mon 02 Nov 09:30"),
    (10, "2026-10-27T08:30", "Wed 28 Oct 09:30"),
])  # fmt: skip
def test_business_hours_run_only_while_desks_are_open(amount: int, start: str, expected: str) -> None:
    assert due_in_rome(limit(amount, "hour"), start) == expected


@pytest.mark.parametrize(("days", "start", "expected"), [
    (3, "2026-10-12T09:23", "Thu 15 Oct 09:23"),
    (5, "2026-10-13T10:00", "Tue 20 Oct 10:00"),
    (1, "2026-10-27T08:30", "Tue 27 Oct 17:30"),
    (1, "2026-10-27T21:00", "Wed 28 Oct 17:30"),
    (2, "2026-10-30T09:00", "Tue 03 Nov 09:00"),
])  # fmt: skip
def test_a_business_day_is_nine_business_hours(days: int, start: str, expected: str) -> None:
    assert due_in_rome(limit(days, "business_day"), start) == expected


def test_a_holiday_stops_the_business_clock() -> None:
    patron_day = (date(2026, 7, 15),)

    assert due_in_rome(limit(2, "business_day"), "2026-07-14T10:00", rests=patron_day) == "Fri 17 Jul 10:00"
    assert due_in_rome(limit(1, "hour"), "2026-07-15T10:00", rests=patron_day) == "Thu 16 Jul 09:30"


def test_a_holiday_does_not_stop_the_wall_clock() -> None:
    assert due_in_rome(limit(24, "hour", "wall"), "2026-07-14T22:00", rests=(date(2026, 7, 15),)) == "Wed 15 Jul 22:00"


@pytest.mark.parametrize(("start", "expected"), [
    ("2026-10-24T20:00", "Sun 25 Oct 19:00"),
    ("2026-03-28T20:00", "Sun 29 Mar 21:00"),
])  # fmt: skip
def test_wall_hours_are_real_hours_also_when_the_clocks_change(start: str, expected: str) -> None:
    assert due_in_rome(limit(24, "hour", "wall"), start) == expected


@pytest.mark.parametrize("start", ["2026-10-24T20:00", "2026-03-28T20:00"])
def test_days_of_the_calendar_keep_the_hour_also_when_the_clocks_change(start: str) -> None:
    assert due_in_rome(limit(1, "calendar_day", "wall"), start).endswith("20:00")


@pytest.mark.parametrize(("start", "expected"), [
    ("2026-10-23T16:00", "Mon 26 Oct 16:00"),
    ("2026-03-27T16:00", "Mon 30 Mar 16:00"),
])  # fmt: skip
def test_a_weekend_on_which_the_clocks_change_takes_nothing_from_business_time(start: str, expected: str) -> None:
    assert due_in_rome(limit(9, "hour"), start) == expected


@pytest.mark.parametrize(("days", "start", "expected"), [
    (7, "2026-10-27T10:00", "Tue 03 Nov 10:00"),
    (4, "2026-10-27T10:00", "Mon 02 Nov 10:00"),
    (5, "2026-10-27T10:00", "Mon 02 Nov 10:00"),
])  # fmt: skip
def test_a_limit_in_days_that_ends_on_a_day_of_rest_moves_to_the_next_business_day(
    days: int, start: str, expected: str
) -> None:
    assert due_in_rome(limit(days, "calendar_day", rollover="next_business_day"), start) == expected


def test_a_limit_that_rolls_over_skips_a_holiday_after_the_weekend_too() -> None:
    rolled = limit(4, "calendar_day", rollover="next_business_day")

    assert due_in_rome(rolled, "2026-10-27T10:00", rests=(date(2026, 11, 2),)) == "Tue 03 Nov 10:00"


def test_a_limit_without_rollover_ends_on_a_day_of_rest() -> None:
    assert due_in_rome(limit(4, "calendar_day", "wall"), "2026-10-27T10:00") == "Sat 31 Oct 10:00"


def test_minutes_are_real_minutes() -> None:
    assert due_in_rome(limit(15, "minute", "wall"), "2026-10-27T23:50") == "Wed 28 Oct 00:05"


def test_a_unit_that_no_clock_knows_is_a_fault_of_the_policy() -> None:
    with pytest.raises(ValueError, match="fortnight"):
        due(limit(1, "fortnight"), rome("2026-10-27T10:00"), PALERMO)


def test_every_limit_of_the_policy_has_a_clock() -> None:
    policy = codes.table("priorities")
    limits = [item for p in policy["items"] for item in p["limits"].values()] + list(policy["review_defaults"].values())

    found = [due(item, rome("2026-12-24T18:00"), PALERMO) for item in limits]

    assert all(at > rome("2026-12-24T18:00") for at in found)


@pytest.mark.parametrize(("timer", "priority", "amount"), [
    ("acknowledge", "EMERGENCY", 2), ("decide", "URGENT", 48), ("first_contact", "ROUTINE", 14),
    ("draft_review", "URGENT", 3), ("update_due", "MEDIUM", 14),
])  # fmt: skip
def test_a_timer_has_the_limit_of_its_priority_or_one_for_all(timer: str, priority: str, amount: int) -> None:
    assert clocks.of_timer(timer, priority, "health.primary")["amount"] == amount


@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    hours=st.integers(1, 100),
    rests=st.frozensets(st.dates(date(2026, 1, 1), date(2028, 12, 31)), max_size=20),
)
def test_business_time_ends_while_desks_are_open_and_more_of_it_never_ends_earlier(
    start: datetime, hours: int, rests: frozenset[date]
) -> None:
    calendar = Calendar(ROME, rests)

    ends, later = (due(limit(h, "hour"), start, calendar) for h in (hours, hours + 1))

    local = ends.astimezone(ROME)
    assert calendar.works_on(local.date())
    assert clocks.OPENS < local.time() <= clocks.CLOSES
    assert later >= ends + timedelta(hours=1) >= start + timedelta(hours=1)
