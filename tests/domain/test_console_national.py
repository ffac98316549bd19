"""What the national desk is told: counts of five at least, no field of a person, and nothing that gives fewer away."""

from collections import Counter
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codes
from services.console.domain import national
from services.console.domain.national import LEAST, Line, Need, Numbers, Part, Unmet, needs_of, numbers

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def needs(city="palermo", service="health.primary", answered=0, unanswered=0, hours=3):
    answer = NOW + timedelta(hours=hours)
    return [Need(city, service, NOW, answer)] * answered + [Need(city, service, NOW, None)] * unanswered


def a_row(agency="pa.comune", journey="j-1", service="health.primary", hop=0, sent=0, answered=None, in_error=False):
    answer = None if answered is None else NOW + timedelta(hours=answered)
    known = {"journey_id": journey, "service": service, "hop": hop, "sender_agency": agency, "in_error": in_error}
    return known | {"sent_at": NOW + timedelta(hours=sent), "answered_at": answer}


def every_number(told: Numbers) -> list[int]:
    lines = (told.total, *told.by_city, *told.by_service)
    parts = (*told.unmet_by_city, *told.unmet_by_service, *told.unmet_by_reason)
    counts = [count for line in lines for count in (line.needs, line.answered, line.unanswered)]
    return [count for count in (*counts, told.unmet, *(part.count for part in parts)) if count is not None]


def test_the_page_holds_counts_and_codes_of_lists_and_no_field_of_a_person():
    assert {field.name for field in fields(Line)} == {"code", "needs", "answered", "unanswered", "hours"}
    assert {field.name for field in fields(Part)} == {"code", "count"}
    asked = needs("palermo", "health.mental", 9, 9) + needs("roma", "legal.advice", 9, 9)
    told = numbers(asked, [Unmet("palermo", "health.mental", "no_offer")] * 9)

    assert {line.code for line in told.by_city} <= codes.codes("cities").keys()
    assert {line.code for line in told.by_service} == {"care.reserved", "legal.advice"}
    assert set(asdict(told)) == {"total", "by_city", "by_service", "unmet", "unmet_by_city", "unmet_by_service",
                                 "unmet_by_reason"}  # fmt: skip


def test_a_number_below_five_is_not_told_and_others_go_down_to_a_multiple_of_five():
    told = numbers(needs("roma", answered=13, unanswered=4) + needs("torino", answered=2), [])

    assert [(line.code, line.needs, line.answered, line.unanswered) for line in told.by_city] == [
        ("roma", 15, None, None)
    ]
    assert told.total == Line("", 15, None, None, None)


def test_answers_are_told_with_their_median_in_hours_rounded_up():
    [line] = numbers(needs(answered=5, unanswered=6, hours=2.4), []).by_city

    assert (line.needs, line.answered, line.unanswered, line.hours) == (10, 5, 5, 3)


def test_a_total_that_would_prove_a_small_number_takes_a_bigger_one_with_it():
    """Four cities of fourteen and four needs elsewhere are sixty: nothing but those four makes it so."""
    cities = ("roma", "milano", "torino", "napoli")
    asked = [need for city in cities for need in needs(city, answered=14)] + needs("trieste", answered=4)

    told = numbers(asked, [Unmet(need.city, need.service, "no_offer") for need in asked])

    assert told.total.needs == told.unmet == 60
    assert len(told.by_city) == len(told.unmet_by_city) == 3


CITIES = ("roma", "milano")
FEW, MANY = range(2 * LEAST), range(4 * LEAST)
"""Of each kind in a city; and up to what there could be as much as anybody knows who is told of two cities."""


def test_no_sum_of_what_is_told_leads_to_a_number_below_five():
    """Everything that two cities could be, seen what is told, leaves open what is not told."""
    for told, stated in everything_told_of_two_cities().items():
        shown = {line.code: line for line in told.by_city}
        each = [[of for of in product(MANY, repeat=2) if agrees(of, *windows(shown.get(city)))] for city in CITIES]
        alls = windows(told.total)
        possible = [of for of in product(*each) if agrees((of[0][0] + of[1][0], of[0][1] + of[1][1]), *alls)]
        assert stated in possible
        for place, city in enumerate(CITIES):
            line = shown.get(city, Line(city, None, None, None, None))
            for name, at in (("answered", 0), ("unanswered", 1)):
                if getattr(line, name) is None:
                    assert len({of[place][at] for of in possible}) >= LEAST - 1, (told, city, name)


def everything_told_of_two_cities():
    """With one of the cases in which it is told."""
    asked = {(city, of): needs(city, "legal.advice", *of) for city in CITIES for of in product(FEW, repeat=2)}
    cases = product(product(FEW, repeat=2), repeat=2)
    return {numbers(asked["roma", one] + asked["milano", other], []): (one, other) for one, other in cases}


def windows(line):
    """Between what the needs, those answered and those not may lie, as far as is told."""
    told = (line.needs, line.answered, line.unanswered) if line else (None, None, None)
    return [range(1_000) if count is None else range(count, count + LEAST) for count in told]


def agrees(of, sums, answered, unanswered):
    return of[0] in answered and of[1] in unanswered and sum(of) in sums


SIZES = st.tuples(st.integers(0, 11), st.integers(0, 11))
COUNTS = st.lists(st.tuples(st.sampled_from(sorted(codes.codes("cities"))), SIZES), max_size=8)


@given(COUNTS)
def test_every_number_that_is_told_is_a_multiple_of_five(stated):
    asked = [need for city, of in stated for need in needs(city, "legal.advice", *of)]
    told = numbers(asked, [Unmet(need.city, need.service, None) for need in asked])

    assert all(count >= LEAST and count % LEAST == 0 for count in every_number(told))


@given(COUNTS)
def test_where_a_total_proves_a_hidden_number_one_of_those_hidden_is_no_small_one(stated):
    asked = [need for city, of in stated for need in needs(city, "legal.advice", *of)]
    told = numbers(asked, [Unmet(need.city, need.service, None) for need in asked])
    counts = Counter(need.city for need in asked)

    for total, shown in (
        (told.total.needs, {line.code: line.needs or 0 for line in told.by_city}),
        (told.unmet, {part.code: part.count for part in told.unmet_by_city}),
    ):
        hidden = [count for city, count in counts.items() if city not in shown]
        proves = total is not None and total > sum(shown.values()) + (LEAST - 1) * len(shown)
        assert not (proves and shown) or max(hidden) >= LEAST


def test_a_need_is_counted_once_whoever_was_asked_and_answered_by_whoever_decided_first():
    rows = [
        a_row(), a_row("pa.comune", hop=1, sent=30, answered=40), a_row(journey="j-2", answered=2),
        a_row(journey="j-3", hop=1, answered=1),
    ]  # fmt: skip

    found = needs_of(rows, {"pa.comune": "palermo"}, NOW + timedelta(hours=50))

    assert Counter((n.city, n.answered_at and (n.answered_at - n.sent_at).total_seconds() / 3600) for n in found) == {
        ("palermo", 40): 1, ("palermo", 2): 1,
    }  # fmt: skip


def test_numbers_are_told_as_of_the_last_full_hour():
    assert national.last_hour(NOW) == national.last_hour(NOW + timedelta(minutes=59, seconds=59)) == NOW


def test_what_was_sent_later_was_not_asked_for_then():
    rows = [a_row(), a_row(hop=1, sent=6), a_row(journey="j-2", sent=5)]

    assert len(needs_of(rows, {"pa.comune": "palermo"}, NOW + timedelta(hours=5))) == 1


def test_what_was_answered_later_was_not_answered_then():
    [found] = needs_of([a_row(answered=9)], {"pa.comune": "palermo"}, NOW + timedelta(hours=5))

    assert found.answered_at is None


@pytest.mark.parametrize("count", [0, 4])
def test_of_a_network_that_has_hardly_begun_nothing_is_told(count):
    told = numbers(needs(answered=count), [])

    assert every_number(told) == [] and told.by_city == told.by_service == ()


def test_what_was_entered_in_error_is_no_need():
    rows = [a_row(answered=1, in_error=True), a_row(journey="j-2", answered=1)]

    assert needs_of(rows, {"pa.comune": "palermo"}, NOW + timedelta(days=1)) == needs_of(
        rows[1:], {"pa.comune": "palermo"}, NOW + timedelta(days=1)
    )
