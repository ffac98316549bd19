"""What a desk states of a meeting: as little as is known, in the shape that the door takes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from contracts.stated import SubmitIntake
from services.console.asking import Answer
from services.console.domain.meeting import (
    asked_also,
    begun_at,
    by_consent,
    field_of,
    lacks_a_reason,
    shows_another_priority,
    statement,
    suggestions,
)

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def stated(**typed):
    known = {"services": ["health.primary"], "basis": ["public_task"]} | typed
    return statement(known, agency="pa.comune", queue=None, city="palermo", key="pa.comune/k/1", begun=NOW)


def test_a_service_and_a_ground_are_enough():
    taken = SubmitIntake.model_validate_json(json.dumps(stated()))

    assert [s.service for s in taken.tier0.services] == ["health.primary"]
    assert [(b.type, b.recipient) for b in taken.tier0.sharing_basis] == [("public_task", "city:palermo")]
    assert taken.tier1.name is None


def test_who_agrees_to_a_further_agency_is_asked_in_writing():
    bases = stated(consents=["pa.levante"], language=["wo"])["tier0"]["sharing_basis"]

    consent = bases[1]
    assert (consent["type"], consent["recipient"], consent["given_by"]) == ("consent", "pa.levante", "person")
    assert consent["form_version"] and consent["language"] == "wo"
    assert (consent["valid_from"], consent["valid_to"]) == ("2026-11-26", "2027-11-26")


def test_for_a_minor_it_is_the_adult_who_answers_that_agrees():
    bases = stated(basis=["consent"], consents=["pa.levante"], caregiver=["Zia"])["tier0"]["sharing_basis"]
    of_public_task = stated(caregiver=["Zia"])["tier0"]["sharing_basis"]

    assert [basis["given_by"] for basis in bases] == ["caregiver", "caregiver"]
    assert [basis["given_by"] for basis in of_public_task] == ["not_applicable"]


def test_everything_that_can_be_typed_is_taken_by_the_door():
    whole = stated(
        needs=["ill_now"], age_band=["25-39"], gender=["female"], household=["couple"],
        household_size=["2"], language=["wo"], interpreter_needed=["yes"], city_of_presence=["palermo"], given=["Awa"],
        family=["Prova"], birth_date=["1995"], phone=["000"], phone_safe=["yes"], phone_message=["yes"],
        caregiver=["Zia"], sender_ref=["C-1"], withhold=["pa.ponte"], consents=["pa.levante"],
        accessibility=["step_free", "companion"], other_languages=["fr", "en"], willing_to_travel=["torino"],
    )  # fmt: skip

    taken = SubmitIntake.model_validate_json(json.dumps(whole))
    assert taken.tier0.household_size == 2 and taken.tier0.withhold == ["pa.ponte"]
    assert taken.tier0.accessibility == ["step_free", "companion"] and taken.tier0.other_languages == ["fr", "en"]
    assert taken.tier1.contact and taken.tier1.contact.safe is taken.tier1.contact.may_leave_message is True
    assert taken.tier1.birth_date and taken.tier1.birth_date.precision == "year"


def test_without_a_ground_nothing_is_made_up():
    assert stated(basis=[])["tier0"].get("sharing_basis") is None


def test_needs_suggest_services_with_the_needs_that_speak_for_them():
    found = suggestions({"needs": ["no_place_tonight", "losing_home", "made_up"]})

    assert found[0].needs and {n for s in found for n in s.needs} <= {"no_place_tonight", "losing_home"}
    assert "housing.emergency_bed" in [s.service for s in found]


def proposed(*needs, gender=""):
    """The services that these needs suggest, and on what each depends."""
    return {one.service: one.depends for one in suggestions({"needs": needs, "gender": [gender]})}


def test_what_a_condition_excludes_is_not_suggested():
    assert proposed("isolation", gender="male").keys() == {"civic.citizenship"}
    assert proposed("isolation", gender="female") == {"lab.dance": (), "civic.citizenship": (), "lab.wellbeing": ()}


@pytest.mark.parametrize("gender", ["", "not_stated"])
def test_what_a_condition_leaves_open_is_suggested_with_what_it_depends_on(gender):
    found = proposed("isolation", "needs_doctor", gender=gender)

    assert found["lab.dance"] == found["lab.wellbeing"] == ("gender_in",)
    assert (found["legal.documents"], found["health.primary"]) == (("any_missing",), ())


def test_a_need_that_speaks_for_a_service_without_a_condition_is_enough():
    assert proposed("needs_doctor", "no_documents")["legal.documents"] == ()


def test_what_a_condition_excludes_gives_no_priority():
    ticked = {"needs": ["violence"], "services": ["housing.emergency_bed"]}

    assert asked(**ticked, gender=["male"]) == {"housing.emergency_bed": None}
    assert asked(**ticked) == {"housing.emergency_bed": "URGENT"}


def test_who_would_go_to_another_city_agrees_that_it_is_told():
    tier0 = stated(willing_to_travel=["torino", "roma"], consents=["pa.levante"])["tier0"]

    assert tier0["willing_to_travel"] == ["torino", "roma"]
    told = [(basis["type"], basis["recipient"]) for basis in tier0["sharing_basis"][1:]]
    assert told == [("consent", "pa.levante"), ("consent", "city:torino"), ("consent", "city:roma")]


def test_where_somebody_lives_is_stated_where_a_need_asks_for_it():
    typed = {"ethos": ["ethos_01"]}

    assert stated(**typed, needs=["losing_home"])["tier2"] == {"needs": ["losing_home"], "ethos": "ethos_01"}
    assert asked_also({"needs": ["no_place_tonight", "made_up"]}) == {"ethos", "willing_to_travel"}
    assert stated(**typed, needs=["ill_now"])["tier2"] == {"needs": ["ill_now"]}


def asked(**typed):
    """The priority of each service, as the door takes it."""
    taken = SubmitIntake.model_validate_json(json.dumps(stated(**typed)))
    assert taken.tier0.priority is None, "one for all would be that of what no need speaks for"
    return {service.service: service.priority for service in taken.tier0.services}


def test_a_service_begins_with_the_priority_of_the_needs_that_suggest_it_and_of_no_other():
    ticked = {"needs": ["risk_to_self", "distress", "learn_italian"]}

    found = asked(**ticked, services=["health.mental", "lab.italian", "material.food"])
    assert found == {"health.mental": "EMERGENCY", "lab.italian": "ROUTINE", "material.food": None}


def test_a_priority_chosen_by_hand_is_that_of_its_service_but_of_what_the_needs_make_an_emergency():
    services, ranks = ["health.mental", "lab.italian", "lab.it"], ("ROUTINE", "MEDIUM", "URGENT")
    by_hand = {f"priority.{service}": [rank] for service, rank in zip(services, ranks, strict=True)}

    found = asked(needs=["risk_to_self", "learn_italian"], services=services, **by_hand)
    assert found == {"health.mental": "EMERGENCY", "lab.italian": "MEDIUM", "lab.it": "URGENT"}


@pytest.mark.parametrize(("service", "chosen", "why", "lacks"), [
    ("lab.italian", "", "", False), ("lab.italian", "ROUTINE", "", False), ("lab.italian", "URGENT", " ", True),
    ("lab.italian", "URGENT", "Lavoro", False), ("health.mental", "ROUTINE", "", False),
    ("lab.it", "URGENT", "", False), ("lab.it", "EMERGENCY", "", True), ("lab.it", "EMERGENCY", "Lavoro", False),
    ("material.food", "EMERGENCY", "", False),
])  # fmt: skip
def test_another_priority_than_the_needs_begin_with_has_a_reason(service, chosen, why, lacks):
    ticked = {"needs": ["risk_to_self", "learn_italian"], "services": ["health.mental", "lab.italian", "lab.it"]}

    assert lacks_a_reason(ticked | {f"priority.{service}": [chosen], "priority_reason": [why]}) == lacks


@pytest.mark.parametrize(("needs", "shown", "chosen", "told"), [
    ("distress", "EMERGENCY", "", True), ("risk_to_self", "EMERGENCY", "", False), ("risk_to_self", "MEDIUM", "", True),
    ("", "EMERGENCY", "", True), ("", "MEDIUM", "", True), ("", "MEDIUM", "URGENT", False),
    ("risk_to_self", "", "", False), ("risk_to_self", "", "ROUTINE", True),
    ("risk_to_self", "MEDIUM", "EMERGENCY", False), ("", "", "URGENT", False),
])  # fmt: skip
def test_a_form_that_shows_another_priority_than_it_would_ask_for_is_not_sent(needs, shown, chosen, told):
    of_service = {"shown.health.mental": [shown], "priority.health.mental": [chosen]}
    typed = {"needs": [needs], "services": ["health.mental"]} | of_service

    assert shows_another_priority(typed) is told
    assert not shows_another_priority(typed | {"services": ["material.food"]}), "it is not asked for"


@pytest.mark.parametrize("typed", ["2/05/1990", "02.05.1990", "2-5-1990", "1990-05-02"])
def test_a_date_as_it_is_written_here_is_taken(typed):
    taken = SubmitIntake.model_validate_json(json.dumps(stated(birth_date=[typed])))

    assert taken.tier1.birth_date and str(taken.tier1.birth_date.value) == "1990-05-02"


def test_what_a_refusal_points_at_is_told_as_the_form_asks_for_it():
    pointers = ["/tier0/services", "/tier0/services/0/service", "/tier1/birth_date/value", "/tier0/other", None,
                "/idempotency_key"]  # fmt: skip

    told = [field_of(p) for p in pointers]
    assert told == ["new_services", "new_services", "new.birth_date", "/tier0/other", None, None]


def test_a_form_says_when_it_was_begun_and_what_cannot_be_so_is_now():
    an_hour_ago = NOW - timedelta(hours=1)
    forged = ["", "yesterday", "2026-11-26T08:00:00", f"{NOW + timedelta(days=30)}", "2020-01-01T00:00:00+00:00",
              "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"]  # fmt: skip

    assert begun_at(an_hour_ago.isoformat(), NOW) == an_hour_ago
    assert {begun_at(typed, NOW) for typed in forged} == {NOW}


@pytest.mark.parametrize(("code", "is_refusal"), [
    (None, False), ("waiting", False), ("away", False), ("parked", False), ("missing_field", True),
    ("idempotency_conflict", True),
])  # fmt: skip
def test_what_was_not_answered_for_good_is_no_refusal(code, is_refusal):
    assert Answer(code).is_refusal == is_refusal


def test_a_service_that_the_ground_for_the_city_reaches_nobody_for_names_whose_consent_it_takes():
    roles = {"pa.comune": "public_body", "pa.legale": "private_partner", "pa.levante": "private_partner"}
    agencies = {code: {"sharing_role": role} for code, role in roles.items()}
    offers = [
        {"service": service, "agency": agency, "status": status, "valid_from": begins, "valid_to": ends}
        for service, agency, status, begins, ends in (
            ("legal.advice", "pa.legale", "open", "2026-11-26", None),
            ("legal.advice", "pa.levante", "open", "2026-01-01", "2026-11-26"),
            ("legal.advice", "pa.comune", "open", "2026-01-01", "2026-11-25"),
            ("legal.advice", "pa.comune", "open", "2026-11-27", None),
            ("legal.documents", "pa.comune", "open", "2026-01-01", None),
            ("legal.documents", "pa.legale", "open", "2026-01-01", None),
            ("protection.gbv", "pa.levante", "closed", "2026-01-01", None),
            ("legal.advice", "to.altro", "open", "2026-01-01", None),
        )
    ]

    assert by_consent(offers, agencies, "2026-11-26") == {"legal.advice": ["pa.legale", "pa.levante"]}
