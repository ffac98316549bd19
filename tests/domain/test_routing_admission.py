"""Whom an offer admits: each kind of rule, and rules of rules, answered yes, no or to_check."""

from itertools import product
from typing import Any

import pytest

from contracts import codes
from contracts.directory import Rule
from services.referral.domain.admission import KINDS, admits, all_of, any_of
from tests.builders import a_need

ANSWERS = ("yes", "no", "to_check")


def answer(rule: dict[str, Any], **need: Any) -> str:
    return admits([Rule(**rule)], a_need(**need))[0]


def test_an_offer_without_rules_admits_everybody() -> None:
    assert admits([], a_need()) == ("yes", ())


@pytest.mark.parametrize(("band", "min_", "max_", "expected"), [
    ("18-24", 18, None, "yes"),
    ("14-17", 18, None, "no"),
    ("14-17", 14, 17, "yes"),
    ("14-17", 15, None, "to_check"),
    ("14-17", None, 15, "to_check"),
    ("18-24", None, 17, "no"),
    ("61+", 18, None, "yes"),
    ("61+", None, 70, "to_check"),
    ("61+", None, 60, "no"),
    ("0-5", None, None, "yes"),
    ("unknown", 18, None, "to_check"),
    ("unknown", None, None, "to_check"),
])  # fmt: skip
def test_an_age_band_is_admitted_when_all_of_it_is_and_checked_when_the_rule_cuts_it(
    band: str, min_: int | None, max_: int | None, expected: str
) -> None:
    assert answer({"rule": "age_between", "min": min_, "max": max_}, age_band=band) == expected


ADULT, MINOR = {"min": 18, "max": None}, {"min": None, "max": 17}


@pytest.mark.parametrize(("band", "older_by", "limits", "expected"), [
    ("14-17", 1, ADULT, "to_check"),
    ("14-17", 1, MINOR, "to_check"),
    ("14-17", 1, {"min": 19, "max": None}, "no"),
    ("14-17", 2, {"min": 19, "max": None}, "to_check"),
    ("6-10", 1, ADULT, "no"),
    ("6-10", 1, MINOR, "yes"),
    ("25-39", 1, ADULT, "yes"),
    ("61+", 1, ADULT, "yes"),
    ("unknown", 1, ADULT, "to_check"),
])  # fmt: skip
def test_a_band_that_may_be_over_turns_nobody_away_whom_the_next_one_would_admit(
    band: str, older_by: int, limits: dict[str, Any], expected: str
) -> None:
    assert answer({"rule": "age_between", **limits}, age_band=band, older_by=older_by) == expected


@pytest.mark.parametrize(("household", "older_by", "expected"), [
    ("minor_alone", 0, "no"), ("minor_alone", 1, "to_check"), ("minor_with_caregiver", 1, "to_check"),
    ("mother_with_children", 1, "no"),
])  # fmt: skip
def test_who_may_be_no_minor_any_more_is_not_turned_away_as_one(household: str, older_by: int, expected: str) -> None:
    grown = {"age_band": "14-17", "household": household, "older_by": older_by}

    assert answer({"rule": "household_in", "values": ["single_adult"]}, **grown) == expected


@pytest.mark.parametrize(("gender", "values", "expected"), [
    ("female", ["female"], "yes"), ("male", ["female"], "no"), ("other", ["female"], "no"),
    ("not_stated", ["female"], "to_check"), ("not_stated", ["male", "not_stated"], "yes"),
])  # fmt: skip
def test_a_gender_that_was_not_stated_is_checked_unless_it_is_listed(
    gender: str, values: list[str], expected: str
) -> None:
    assert answer({"rule": "gender_in", "values": values}, gender=gender) == expected


@pytest.mark.parametrize(("household", "expected"), [
    ("minor_alone", "yes"), ("single_adult", "no"), ("unknown", "to_check")])  # fmt: skip
def test_a_household_that_is_not_known_is_checked(household: str, expected: str) -> None:
    assert answer({"rule": "household_in", "values": ["minor_alone"]}, household=household) == expected


@pytest.mark.parametrize(("size", "expected"), [(None, "to_check"), (4, "yes"), (5, "no")])
def test_a_household_whose_size_is_missing_is_checked(size: int | None, expected: str) -> None:
    assert answer({"rule": "household_size_max", "value": 4}, household_size=size) == expected


@pytest.mark.parametrize(("language", "others", "expected"), [
    ("bn", (), "yes"), ("wo", ("bn",), "yes"), ("wo", (), "to_check"), (None, (), "to_check")])  # fmt: skip
def test_a_language_is_never_a_reason_to_turn_somebody_away(
    language: str | None, others: tuple[str, ...], expected: str
) -> None:
    rule = {"rule": "language_in", "values": ["bn"]}

    assert answer(rule, language=language, other_languages=others) == expected


@pytest.mark.parametrize(("city", "expected"), [("palermo", "yes"), ("torino", "no")])
def test_a_city_of_presence_is_listed_or_not(city: str, expected: str) -> None:
    assert answer({"rule": "city_of_presence_in", "values": ["palermo"]}, city_of_presence=city) == expected


@pytest.mark.parametrize(("offered", "asked_for", "expected"), [
    (True, ("step_free",), "yes"), (False, ("step_free",), "no"), (False, ("companion",), "yes"), (False, (), "yes"),
])  # fmt: skip
def test_a_place_with_steps_is_out_only_for_those_who_need_none(
    offered: bool, asked_for: tuple[str, ...], expected: str
) -> None:
    assert answer({"rule": "step_free_needed", "value": offered}, accessibility=asked_for) == expected


def test_a_referral_of_the_network_always_comes_from_an_agency() -> None:
    assert answer({"rule": "referral_required", "value": True}) == "yes"


@pytest.mark.parametrize(("priority", "expected"), [("MEDIUM", "to_check"), ("EMERGENCY", "yes")])
def test_documents_are_checked_by_the_receiver_and_never_in_an_emergency(priority: str, expected: str) -> None:
    assert answer({"rule": "document_any_of", "values": ["stp"]}, priority=priority) == expected


@pytest.mark.parametrize(
    ("depends_on", "expected"), [("health.primary", "yes"), ("lab.it", "to_check"), (None, "to_check")]
)
def test_a_service_that_comes_first_is_known_only_when_the_same_intake_asked_for_it(
    depends_on: str | None, expected: str
) -> None:
    assert answer({"rule": "after_service", "values": ["health.primary"]}, depends_on=depends_on) == expected


def test_a_kind_of_rule_of_a_later_release_is_left_to_the_receiver() -> None:
    assert answer({"rule": "shoe_size_between", "min": 36, "max": 44}) == "to_check"


def test_every_kind_of_rule_of_the_reference_data_has_a_function() -> None:
    assert set(KINDS) == {kind["rule"] for kind in codes.table("admission_rules")["kinds"]}


@pytest.mark.parametrize("answers", list(product(ANSWERS, repeat=2)))
def test_all_of_is_as_strict_as_its_strictest_part_and_any_of_as_open_as_its_most_open(answers: Any) -> None:
    strict, open_ = ("no", "to_check", "yes"), ("yes", "to_check", "no")

    assert all_of(answers) == min(answers, key=strict.index)
    assert any_of(answers) == min(answers, key=open_.index)


def test_rules_of_rules_are_answered_from_the_inside_and_each_single_answer_is_kept() -> None:
    woman = {"rule": "gender_in", "values": ["female"]}
    minor = {"rule": "age_between", "min": None, "max": 17}
    small = {"rule": "household_size_max", "value": 4}
    either = Rule(any_of=(Rule(**woman), Rule(all_of=(Rule(**minor), Rule(**small)))))

    found = admits([either], a_need(gender="male", age_band="14-17"))

    assert found == ("to_check", (("gender_in", "no"), ("age_between", "yes"), ("household_size_max", "to_check")))


def test_any_of_nothing_known_to_be_yes_is_no() -> None:
    either = Rule(any_of=(Rule(rule="gender_in", values=("female",)), Rule(rule="gender_in", values=("other",))))

    assert admits([either], a_need(gender="male"))[0] == "no"
