"""The steps of a timer: when each is due, in which order, and that none is ever the last of an open referral."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codes
from contracts.beside import TimerStarted
from contracts.directory import StricterLimit
from services.referral import calendar
from services.referral.domain import clocks, timers
from services.referral.domain.clocks import due
from services.referral.domain.referral import reach_of, snapshot
from services.referral.domain.timers import Timer
from tests.builders import NOW, PALERMO, a_need, a_referral

PRIORITIES = list(codes.codes("priorities"))
FROM_LIMITS = [code for code in timers.KINDS if not timers.is_given(code)]
ROME = ZoneInfo("Europe/Rome")


def a_timer(
    code: str = "acknowledge", priority: str = "MEDIUM", at: datetime = NOW, now: datetime | None = None
) -> Timer:
    referral = a_referral(need=a_need(priority=priority))
    reach = reach_of(code, referral, at, calendar.of("palermo", at))
    return timers.start(code, 1, at, timers.of_referral(code, priority), reach, now or at)


def steps(timer: Timer) -> list[tuple[int, str]]:
    return [(step.percent, step.at.astimezone(ROME).strftime("%a %d %b %H:%M")) for step in timer.steps]


def test_wall_hours_run_through_the_night() -> None:
    timer = a_timer(priority="URGENT")

    assert [(step.percent, step.at - NOW) for step in timer.steps] == [
        (50, timedelta(hours=12)), (100, timedelta(hours=24)), (150, timedelta(hours=36)), (200, timedelta(hours=48)),
    ]  # fmt: skip
    assert timer.due_at == NOW + timedelta(hours=24)


def test_business_hours_run_on_the_calendar_of_the_receiving_city() -> None:
    before_the_patron_day = datetime(2026, 7, 14, 8, 0, tzinfo=UTC)

    timer = a_timer(at=before_the_patron_day)

    assert steps(timer) == [
        (50, "Thu 16 Jul 10:00"), (100, "Fri 17 Jul 10:00"), (150, "Mon 20 Jul 10:00"), (200, "Tue 21 Jul 10:00"),
    ]  # fmt: skip


def test_half_of_an_odd_number_of_days_is_a_time_of_day_and_rests_when_the_city_does() -> None:
    timer = a_timer("first_contact", at=datetime(2026, 10, 27, 9, 0, tzinfo=UTC))

    assert steps(timer) == [
        (50, "Fri 30 Oct 22:00"), (100, "Tue 03 Nov 10:00"), (150, "Fri 06 Nov 22:00"), (200, "Tue 10 Nov 10:00"),
    ]  # fmt: skip


@given(
    at=st.datetimes(datetime(2025, 2, 1), datetime(2027, 11, 1), timezones=st.just(UTC)),
    code=st.sampled_from(FROM_LIMITS),
    priority=st.sampled_from(PRIORITIES),
)
def test_steps_come_in_order_and_acknowledge_before_decide(at: datetime, code: str, priority: str) -> None:
    timer = a_timer(code, priority, at)

    assert all(first.at <= second.at for first, second in pairwise(timer.steps))
    assert all(step.at > at for step in timer.steps)
    for seen, decided in zip(
        a_timer("acknowledge", priority, at).steps, a_timer("decide", priority, at).steps, strict=True
    ):
        assert seen.at <= decided.at


@given(
    at=st.datetimes(datetime(2025, 2, 1), datetime(2027, 11, 1), timezones=st.just(UTC)),
    code=st.sampled_from([code for code in FROM_LIMITS if timers.repeats(code)]),
    priority=st.sampled_from(PRIORITIES),
)
def test_the_last_step_comes_again_until_a_person_acts_unless_it_ends_the_referral(
    at: datetime, code: str, priority: str
) -> None:
    timer, rungs = a_timer(code, priority, at), timers.of_referral(code, priority)
    reach = reach_of(code, a_referral(need=a_need(priority=priority)), at, PALERMO)

    left = timers.after(timer.steps[-1:], reach, timers.repeats(code))

    assert rungs[-1].expires or (left[0].percent > timer.steps[-1].percent and left[0].at > timer.steps[-1].at)
    assert timers.rung_at(rungs, left[0].percent) == rungs[-1]


def test_a_timer_keeps_the_version_of_the_limits_by_which_it_runs() -> None:
    timer = a_timer()

    assert timer.policy == codes.table("priorities")["version"]
    (started,) = timers.told((), (timer,), snapshot(a_referral(), NOW, "system"))
    assert isinstance(started, TimerStarted)
    assert started.policy == timer.policy


def test_a_repetition_that_a_feast_puts_beside_the_last_step_is_left_out() -> None:
    days = {150: 4, 250: 4, 350: 6}
    last = timers.Step(150, NOW + timedelta(days=days[150]))

    assert timers.after((last,), lambda percent: NOW + timedelta(days=days[percent]), 100) == (
        timers.Step(350, NOW + timedelta(days=6)),
    )


def test_a_step_that_a_long_feast_would_let_overtake_comes_with_the_one_before_it() -> None:
    hours = {50: 1, 100: 9, 150: 7, 200: 10}

    timer = timers.start(
        "decide",
        1,
        NOW,
        timers.of_referral("decide", "MEDIUM"),
        lambda percent: NOW + timedelta(hours=hours[percent]),
        NOW,
    )

    assert [(step.at - NOW) // timedelta(hours=1) for step in timer.steps] == [1, 9, 9, 10]


def test_a_reminder_that_would_come_too_late_at_the_start_is_left_out() -> None:
    timer = a_timer("first_contact", "URGENT", now=NOW + timedelta(hours=40))

    assert [step.percent for step in timer.steps] == [100, 150, 200]


@pytest.mark.parametrize("timer", ["acknowledge", "decide"])
@pytest.mark.parametrize("priority", PRIORITIES)
def test_only_an_emergency_is_left_open_at_the_end_of_the_ladder(timer: str, priority: str) -> None:
    assert timers.of_referral(timer, priority)[-1].expires is (priority != "EMERGENCY")


def test_what_no_answer_can_be_expected_of_never_expires() -> None:
    others = set(timers.KINDS) - {"acknowledge", "decide"}

    assert not any(rung.expires for timer in others for rung in timers.of_referral(timer, "MEDIUM"))


# -- stricter limits ---------------------------------------------------------------------------------------------------


def test_the_shortest_limit_counts_and_none_makes_it_longer() -> None:
    kept = [StricterLimit(priority="URGENT", limit="decide", amount=amount) for amount in (24, 36, 400)]

    assert clocks.of_timer("decide", "URGENT", "health.primary", kept)["amount"] == 24
    assert clocks.of_timer("decide", "MEDIUM", "health.primary", kept) == clocks.of_priority("MEDIUM", "decide")
    assert clocks.of_timer("decide", "URGENT", "health.primary", kept[2:])["amount"] == 48


def test_a_city_may_keep_a_limit_shorter_and_never_longer_than_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    shorter, longer = ({"priority": "URGENT", "limit": "decide", "amount": amount} for amount in (12, 400))
    cities = codes.codes("cities")
    monkeypatch.setitem(cities, "palermo", cities["palermo"] | {"limits": [shorter]})
    monkeypatch.setitem(cities, "torino", cities["torino"] | {"limits": [longer]})
    monkeypatch.setattr(codes, "codes", lambda name, part="items": cities if name == "cities" else CODES(name, part))

    kept = {city: clocks.of_timer("decide", "URGENT", "health.primary", clocks.of_city(city)) for city in cities}

    assert (kept["palermo"]["amount"], kept["torino"]["amount"], kept["roma"]["amount"]) == (12, 48, 48)


CODES = codes.codes


def test_half_a_limit_keeps_the_hour_of_the_city_when_the_clocks_change() -> None:
    limit = {"amount": 2, "unit": "calendar_day", "clock": "wall"}
    before = datetime(2026, 10, 24, 12, 0, tzinfo=ROME)

    assert due(limit, before, PALERMO, 50).astimezone(ROME) == datetime(2026, 10, 25, 12, 0, tzinfo=ROME)
    assert date(2026, 10, 25).weekday() == 6
