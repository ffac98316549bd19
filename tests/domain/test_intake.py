"""Which intakes are taken, with which remarks, and why others are refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.commands import RecordIntake
from contracts.refusals import Refusal
from contracts.values import Asked
from services.intake.domain.intake import Intake, Personal, again, record
from services.intake.domain.known import Directory
from services.intake.domain.rules import day_in
from tests.builders import BORN, INTAKE, NOW, a_record, an_agency, an_offer, the_directory

KEY = b"a key for tests only"
CHILD = {"name": {"given": "Amina"}, "birth_date": {"value": "2018-03-14"}}
MOTHER = {"name": {"given": "Fatou"}, "relation": "mother"}


def recorded(command: RecordIntake, directory: Directory | None = None, now: datetime = NOW) -> tuple[Intake, Personal]:
    return record(command, directory or the_directory(), now, KEY)


def refusal(command: RecordIntake, directory: Directory | None = None, now: datetime = NOW) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refused:
        recorded(command, directory, now)
    return refused.value.code, refused.value.pointer


def a_basis(**known: Any) -> dict[str, Any]:
    return dict(INTAKE["tier0"]["sharing_basis"][0]) | known


def flags(command: RecordIntake, now: datetime = NOW) -> tuple[str, ...]:
    return recorded(command, now=now)[0].answer.flags


# -- what is kept and said --------------------------------------------------------------------------------------------


def test_an_intake_in_order_is_taken_and_answered_with_its_id() -> None:
    command = a_record()

    intake, _ = recorded(command)

    assert intake.answer.asked == command.asked
    assert intake.answer.intake_id == command.intake_id
    assert intake.answer.subject == str(command.intake_id)
    assert intake.answer.flags == ()


def test_what_the_network_is_told_names_the_person_by_a_pseudonym_only() -> None:
    command = a_record()

    intake, person = recorded(command)

    assert intake.recorded.person_ref == person.pseudonym
    told = intake.recorded.model_dump_json() + intake.answer.model_dump_json()
    for secret in ("Amina", "Prova", "Sintetico", command.submitted.tier0.person_ref):
        assert secret not in told
    assert not BORN.search(told)


def test_who_the_person_is_stays_in_one_place_with_what_the_agency_calls_them() -> None:
    command = a_record()

    _, person = recorded(command)

    assert (person.agency, person.person_ref) == ("pa.comune", command.submitted.tier0.person_ref)
    assert (person.tier1, person.tier2) == (command.submitted.tier1, command.submitted.tier2)


def test_who_names_no_queue_and_no_other_city_means_the_first_queue_and_the_city_of_the_meeting() -> None:
    command = a_record(sender_queue=None, city_of_presence=None)

    intake, _ = recorded(command)

    assert intake.recorded.sender_queue == "pa.comune.desk"
    assert intake.recorded.city_of_presence == "palermo"


def test_what_the_door_noticed_is_said_with_the_answer() -> None:
    assert flags(a_record(flags=("bom_ignored",))) == ("bom_ignored",)


# -- the same intake again --------------------------------------------------------------------------------------------


def test_the_same_intake_sent_again_gets_the_same_answer() -> None:
    intake, _ = recorded(a_record())

    assert again(intake, a_record()) == intake.answer


def test_who_says_again_what_another_of_their_agency_said_is_the_one_who_is_answered() -> None:
    """A supervisor sends again what their system had sent: to answer the system twice would leave her without."""
    intake, _ = recorded(a_record())
    hers = Asked(agency="pa.comune", command_id="hers", message_id="m-2", actor="pa.comune:w1", roles=("supervisor",))

    answer = again(intake, a_record().model_copy(update={"asked": hers}))

    assert answer.asked == hers
    by_name = {"asked", "command_id"}
    assert answer.model_dump(exclude=by_name) == intake.answer.model_dump(exclude=by_name)


def test_the_same_intake_said_by_somebody_else_is_the_same() -> None:
    intake, _ = recorded(a_record())
    command = a_record()

    hers = command.model_copy(update={"submitted": command.submitted.model_copy(update={"actor": "pa.comune:w1"})})

    assert again(intake, hers) == intake.answer


def test_what_is_left_out_and_what_says_nothing_are_the_same_intake() -> None:
    intake, _ = recorded(a_record(accessibility=[], interpreter_needed=None))

    assert again(intake, a_record()) == intake.answer


def test_another_intake_under_the_same_key_is_a_conflict() -> None:
    intake, _ = recorded(a_record())

    with pytest.raises(Refusal) as refused:
        again(intake, a_record(tier1={"name": {"given": "Amina", "family": "Altra"}}))

    assert (refused.value.code, refused.value.pointer) == ("idempotency_conflict", "/idempotency_key")


# -- codes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pointer", "known"),
    [
        ("/tier0/city_of_intake", {"city_of_intake": "catania"}),
        ("/tier0/city_of_presence", {"city_of_presence": "catania"}),
        ("/tier0/intake_channel", {"intake_channel": "pigeon"}),
        ("/tier0/age_band", {"age_band": "26-38"}),
        ("/tier0/gender", {"gender": "f"}),
        ("/tier0/household", {"household": "clan"}),
        ("/tier0/language", {"language": "Bengali"}),
        ("/tier0/other_languages/1", {"other_languages": ["en", "1T"]}),
        ("/tier0/accessibility/0", {"accessibility": ["lift"]}),
        ("/tier0/priority", {"priority": "SOON"}),
        ("/tier0/services/1/service", {"services": [{"service": "lab.it"}, {"service": "lab.cooking"}]}),
        ("/tier0/willing_to_travel/0", {"willing_to_travel": ["catania"]}),
        ("/tier0/sharing_basis/0/type", {"sharing_basis": [a_basis(type="habit")]}),
        ("/tier0/sharing_basis/0/purposes/1", {"sharing_basis": [a_basis(purposes=["referral", "research"])]}),
        ("/tier0/sharing_basis/0/scope", {"sharing_basis": [a_basis(scope="tier9")]}),
        ("/tier0/sharing_basis/0/given_by", {"sharing_basis": [a_basis(given_by="neighbour")]}),
        ("/tier0/sharing_basis/0/recipient", {"sharing_basis": [a_basis(recipient="city:catania")]}),
        ("/tier1/citizenship", {"tier1": {"citizenship": "BGD"}}),
        ("/tier1/contact/channel", {"tier1": {"contact": {"channel": "pigeon"}}}),
        ("/tier2/needs/0", {"tier2": {"needs": ["needs_a_friend"]}}),
        ("/tier2/ethos", {"tier2": {"ethos": "ethos_99"}}),
        ("/tier2/identifiers/0/type", {"tier2": {"identifiers": [{"type": "passport", "value": "X"}]}}),
        ("/tier2/vulnerabilities/0", {"tier2": {"vulnerabilities": ["tired"]}}),
        ("/tier2/services_received/0", {"tier2": {"services_received": ["lab.cooking"]}}),
    ],
)
def test_a_code_that_its_list_does_not_have_is_refused_where_it_stands(pointer: str, known: dict[str, Any]) -> None:
    assert refusal(a_record(**known)) == ("unknown_code", pointer)


@pytest.mark.parametrize("part", ["depends_on", "priority"])
def test_a_code_inside_a_service_asked_for_is_refused_where_it_stands(part: str) -> None:
    service = {"service": "lab.it", part: "no.such.code"}

    assert refusal(a_record(services=[service])) == ("unknown_code", f"/tier0/services/0/{part}")


def test_a_refused_code_is_answered_with_the_list_and_not_with_what_was_sent() -> None:
    with pytest.raises(Refusal) as refused:
        recorded(a_record(gender="donna"))

    assert refused.value.allowed == ("female", "male", "other", "not_stated")
    assert "donna" not in str(vars(refused.value)) + str(refused.value)


@pytest.mark.parametrize("language", ["bn", "wo", "mnk", "pa-PK", "zh-Hant", "zh-Hant-TW", "es-419"])
def test_a_person_may_speak_any_language_that_has_a_code(language: str) -> None:
    assert recorded(a_record(language=language))[0].recorded.language == language


@pytest.mark.parametrize(
    ("pointer", "known"),
    [
        ("/tier0/sender_agency", {"sender": "pa.fantasma"}),
        ("/tier0/sender_queue", {"sender_queue": "pa.accura.desk"}),
        ("/tier0/services/0/offer", {"services": [{"service": "health.primary", "offer": "pa.nessuno.primary"}]}),
        ("/tier0/withhold/0", {"withhold": ["pa.acura"]}),
        ("/tier0/sharing_basis/0/recipient", {"sharing_basis": [a_basis(recipient="pa.acura")]}),
    ],
)
def test_whom_an_intake_names_must_be_in_the_directory(pointer: str, known: dict[str, Any]) -> None:
    assert refusal(a_record(**known)) == ("unknown_code", pointer)


def test_codes_are_checked_before_the_rules() -> None:
    command = a_record(occurred_at="2031-01-01T09:00:00+01:00", tier2={"needs": ["needs_a_friend"]})

    assert refusal(command) == ("unknown_code", "/tier2/needs/0")


# -- where and when ---------------------------------------------------------------------------------------------------


def test_an_agency_meets_people_in_its_own_city() -> None:
    assert refusal(a_record(city_of_intake="milano")) == ("wrong_city", "/tier0/city_of_intake")


def test_a_person_may_have_moved_on_to_another_city() -> None:
    assert recorded(a_record(city_of_presence="milano"))[0].recorded.city_of_presence == "milano"


def test_a_meeting_of_tomorrow_is_taken_as_a_clock_that_is_ahead() -> None:
    at = NOW + timedelta(hours=24)

    assert flags(a_record(occurred_at=at.isoformat())) == ("clock_ahead",)


def test_a_meeting_more_than_a_day_ahead_is_refused() -> None:
    at = NOW + timedelta(hours=24, seconds=1)

    assert refusal(a_record(occurred_at=at.isoformat())) == ("future_timestamp", "/occurred_at")


def test_a_meeting_of_this_very_instant_is_not_ahead() -> None:
    assert flags(a_record(occurred_at=NOW.isoformat())) == ()


# -- how old ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("born", ["2001-10-26", "1986-10-27"])
def test_the_age_band_holds_the_age_on_the_day_of_the_meeting(born: str) -> None:
    recorded(a_record(tier1={"birth_date": {"value": born}}))


@pytest.mark.parametrize("born", ["2001-10-27", "1986-10-26"])
def test_an_age_band_that_the_birth_date_denies_is_refused(born: str) -> None:
    assert refusal(a_record(tier1={"birth_date": {"value": born}})) == ("inconsistent_data", "/tier0/age_band")


@pytest.mark.parametrize(
    "born",
    [{"value": "2002-01-01", "precision": "year"}, {"value": "2002", "precision": "estimated"}, {"value": "2002-09"}],
)
def test_one_year_of_difference_is_allowed_when_the_birth_date_is_not_known_to_the_day(born: dict[str, str]) -> None:
    recorded(a_record(tier1={"birth_date": born}))


def test_two_years_of_difference_are_not() -> None:
    command = a_record(tier1={"birth_date": {"value": "2003", "precision": "year"}})

    assert refusal(command) == ("inconsistent_data", "/tier0/age_band")


def test_an_unknown_band_goes_with_any_birth_date() -> None:
    recorded(a_record(age_band="unknown"))


def test_nobody_is_born_after_the_meeting() -> None:
    command = a_record(age_band="unknown", tier1={"birth_date": {"value": "2026-10-27"}})

    assert refusal(command) == ("inconsistent_data", "/tier1/birth_date/value")


# -- minors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("household", ["minor_with_caregiver", "mother_with_children", "unknown"])
def test_a_minor_who_is_not_alone_has_an_adult_who_answers_for_them(household: str) -> None:
    command = a_record(age_band="6-10", household=household, tier1=CHILD)

    assert refusal(command) == ("missing_field", "/tier1/caregiver")


def test_a_minor_with_a_caregiver_is_taken() -> None:
    recorded(a_record(age_band="6-10", household="minor_with_caregiver", tier1=CHILD | {"caregiver": MOTHER}))


def test_a_minor_alone_is_taken_without_a_caregiver() -> None:
    recorded(a_record(age_band="6-10", household="minor_alone", tier1=CHILD))


def test_a_birth_date_tells_a_minor_where_the_band_does_not() -> None:
    command = a_record(age_band="unknown", tier1=CHILD)

    assert refusal(command) == ("missing_field", "/tier1/caregiver")


def test_a_band_tells_a_minor_where_no_birth_date_does() -> None:
    assert refusal(a_record(age_band="6-10", tier1={"birth_date": None})) == ("missing_field", "/tier1/caregiver")


def test_who_turns_eighteen_on_the_day_of_the_meeting_needs_no_caregiver_and_on_the_day_before_does() -> None:
    recorded(a_record(age_band="unknown", tier1={"birth_date": {"value": "2008-10-26"}}))
    command = a_record(age_band="unknown", tier1={"birth_date": {"value": "2008-10-27"}})

    assert refusal(command) == ("missing_field", "/tier1/caregiver")


def test_a_household_of_a_minor_with_a_caregiver_needs_one_whatever_the_age() -> None:
    command = a_record(age_band="unknown", household="minor_with_caregiver", tier1={"birth_date": None})

    assert refusal(command) == ("missing_field", "/tier1/caregiver")


# -- who may be told --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "basis",
    [
        a_basis(valid_to="2026-10-26"),
        a_basis(valid_from="2026-10-28"),
        a_basis(refused=True),
        a_basis(withdrawn_at="2026-10-26T10:00:00Z"),
        a_basis(purposes=["reporting_aggregate"]),
    ],
    ids=["ended", "not yet", "refused", "withdrawn", "for something else"],
)
def test_an_intake_that_nobody_may_be_told_of_is_refused(basis: dict[str, Any]) -> None:
    assert refusal(a_record(sharing_basis=[basis])) == ("sharing_not_covered", "/tier0/sharing_basis")


def test_one_valid_basis_is_enough() -> None:
    recorded(a_record(sharing_basis=[a_basis(valid_to="2026-10-26"), a_basis(basis_id="b2", valid_to=None)]))


def test_two_bases_of_one_name_are_refused_for_one_could_not_be_withdrawn_alone() -> None:
    command = a_record(sharing_basis=[a_basis(), a_basis(recipient="pa.accura")])

    assert refusal(command) == ("inconsistent_data", "/tier0/sharing_basis/1/basis_id")


def test_a_basis_holds_on_its_last_day_until_midnight_in_the_city() -> None:
    command = a_record(sharing_basis=[a_basis(valid_to="2026-10-27")])
    midnight = datetime.fromisoformat("2026-10-28T00:00:00+01:00")

    recorded(command, now=midnight - timedelta(seconds=1))

    assert refusal(command, now=midnight) == ("sharing_not_covered", "/tier0/sharing_basis")


def test_a_basis_given_at_a_meeting_whose_clock_is_ahead_over_midnight_counts() -> None:
    at = datetime.fromisoformat("2026-10-28T00:10:00+01:00")

    recorded(
        a_record(occurred_at=at.isoformat(), sharing_basis=[a_basis(valid_from=day_in("palermo", at).isoformat())])
    )


NAMED = [{"service": "health.primary", "offer": "pa.accura.primary"}]


@pytest.mark.parametrize(
    "excluded",
    [
        {"withhold": ["pa.accura"]},
        {"sharing_basis": [a_basis(), a_basis(basis_id="b2", recipient="pa.accura", refused=True)]},
        {"sharing_basis": [a_basis(recipient="pa.accura"), a_basis(basis_id="b2", refused=True)]},
    ],
    ids=["withheld", "the agency refused", "the city refused"],
)
def test_an_offer_of_an_agency_that_the_person_excluded_cannot_be_asked_for(excluded: dict[str, Any]) -> None:
    command = a_record(**excluded | {"services": NAMED})

    assert refusal(command) == ("recipient_withheld", "/tier0/services/0/offer")


def test_a_refusal_of_a_city_does_not_mean_its_private_partners() -> None:
    directory = the_directory(an_agency(sharing_role="private_partner"))
    bases = [a_basis(recipient="pa.accura"), a_basis(basis_id="b2", refused=True)]

    recorded(a_record(services=NAMED, sharing_basis=bases), directory)


def test_an_agency_that_was_excluded_does_not_stand_in_the_way_of_another_offer() -> None:
    directory = the_directory(an_agency("pa.salute"), an_offer("pa.salute.primary"))

    recorded(a_record(services=NAMED, withhold=["pa.salute"]), directory)


def test_an_offer_of_another_service_cannot_be_asked_for() -> None:
    command = a_record(services=[{"service": "lab.it", "offer": "pa.accura.primary"}])

    assert refusal(command) == ("inconsistent_data", "/tier0/services/0/offer")


# -- remarks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t"])
def test_a_note_that_begins_like_a_formula_is_kept_and_remarked(first: str) -> None:
    intake, person = recorded(a_record(tier2={"narrative": f"{first}SUM(A1)"}))

    assert intake.answer.flags == ("export_escape",)
    assert person.tier2.narrative == f"{first}SUM(A1)"


@pytest.mark.parametrize(
    "known",
    [
        {"tier1": {"name": {"given": "=A1"}}},
        {"tier1": {"caregiver": {"name": {"family": "@A1"}}}},
        {"priority_reason": "-1"},
    ],
)
def test_so_is_a_name_or_a_reason(known: dict[str, Any]) -> None:
    assert flags(a_record(**known)) == ("export_escape",)


def test_a_telephone_number_rightly_begins_with_a_plus() -> None:
    assert flags(a_record(tier1={"contact": {"channel": "phone", "value": "+39 000 000 9000"}})) == ()


def test_an_identifier_that_cannot_be_right_does_not_keep_a_person_out() -> None:
    stated = [{"type": "codice_fiscale", "value": "RSSMRA85T10A562X"}]

    assert flags(a_record(tier2={"identifiers": stated})) == ("identifier_check_failed",)


def test_so_does_a_case_code_of_another_shape() -> None:
    assert flags(a_record(tier1={"case_code": "caso 7"})) == ("identifier_check_failed",)


def test_remarks_are_said_once_each_and_the_door_s_first() -> None:
    at = (NOW + timedelta(hours=1)).isoformat()
    command = a_record(occurred_at=at, priority_reason="=1", tier2={"narrative": "=1"}, flags=("bom_ignored",))

    assert flags(command) == ("bom_ignored", "clock_ahead", "export_escape")
