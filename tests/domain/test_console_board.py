"""The numbers of a city's board: what waits, how desks answer, and what is told of sensitive services."""

from datetime import UTC, datetime, timedelta

from services.console.domain.board import board

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def a_row(agency="pa.penc", state="REQUESTED", hours=1, answered=None, due=24, level=0, in_error=False, **known):
    sent = NOW - timedelta(hours=hours)
    answer = None if answered is None else sent + timedelta(hours=answered)
    times = {"sent_at": sent, "due_at": sent + timedelta(hours=due), "answered_at": answer}
    return {"receiver_agency": agency, "state": state, "level": level, "in_error": in_error} | times | known


def test_what_waits_is_counted_with_the_oldest_and_the_late():
    found = board([a_row(hours=30), a_row(hours=2), a_row(state="ACCEPTED", hours=50, answered=1)], [], NOW)

    assert (found.waiting, found.late, found.oldest) == (2, 1, NOW - timedelta(hours=30))


def test_a_desk_shows_how_many_it_answered_and_in_what_time():
    rows = [a_row(answered=1), a_row(answered=3, state="DECLINED"), a_row(), a_row("pa.accura")]

    penc = next(desk for desk in board(rows, [], NOW).desks if desk.agency == "pa.penc")
    assert (penc.asked, round(penc.rate or 0, 2), penc.median) == (3, 0.67, timedelta(hours=2))


def test_the_desk_that_is_latest_comes_first():
    rows = [a_row("pa.accura"), a_row("pa.accura"), a_row("pa.penc", hours=40)]

    assert [desk.agency for desk in board(rows, [], NOW).desks] == ["pa.penc", "pa.accura"]


def test_what_was_entered_in_error_counts_for_nobody():
    wrong = [a_row(state="ENTERED_IN_ERROR", in_error=True), a_row("pa.accura", "CLOSED", answered=1, in_error=True)]

    assert board([*wrong, a_row(answered=1)], [], NOW) == board([a_row(answered=1)], [], NOW)


def test_what_reached_the_coordination_is_counted():
    assert board([a_row(level=2), a_row(level=1)], [], NOW).climbed == 1


def test_why_an_agency_says_no_is_counted_and_a_rule_that_often_fails_is_pointed_at():
    why = {"state": "DECLINED", "answered": 1}
    failed = a_row(**why, ended=["decline_reasons", "not_eligible"], failed_rule="age_between")
    full = a_row(**why, ended=["decline_reasons", "no_capacity"], failed_rule=None)
    closed = a_row(state="CLOSED", answered=1, ended=["closure_outcomes", "served_completed"], failed_rule=None)

    found = board([failed] * 3 + [full] * 4 + [closed], [], NOW).declined

    assert [(one.reason, one.rule, one.count, one.often) for one in found] == [
        ("no_capacity", None, 4, False), ("not_eligible", "age_between", 3, True),
    ]  # fmt: skip
    assert not board([failed] * 2, [], NOW).declined[0].often


def test_unmet_needs_never_name_a_sensitive_service():
    found = board([], [{"service": "health.mental", "reason": "no_offer"}] * 2, NOW).unmet

    assert [(one.service, one.count) for one in found] == [("care.reserved", 2)]


def test_an_empty_city_has_an_empty_board():
    found = board([], [], NOW)

    assert (found.waiting, found.oldest, found.desks, found.unmet) == (0, None, (), ())
