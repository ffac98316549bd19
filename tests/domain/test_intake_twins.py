"""Who may be the same person as one who was met before, and which desk may be asked."""

import json
from typing import Any

import pytest

from contracts import codes
from services.intake.domain import spelling, twins
from services.intake.domain.intake import Personal, record
from services.intake.domain.showing import may_be_asked
from services.intake.domain.twins import Traits, compare, suspects
from tests.builders import NOW, a_basis, a_record, a_recorded_intake, an_agency, the_directory
from tests.journeys.played import SAMPLES

MOHAMED = Traits("p_1", ("mohamed",), ("jallow",), language="en", age_band="25-39")
FEATURES = codes.codes("matching")
COMUNE, MOBILE = an_agency("pa.comune", sharing_role="public_body"), an_agency("pa.mobile")


def like(**known: Any) -> Traits:
    return Traits(**{"person_ref": "p_2"} | known)


def is_suspected(one: Traits, other: Traits) -> bool:
    return bool(suspects(one, [other]))


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mohamed Jallow", "Muhammad Diallo"), ("Amina Ouédraogo", "Aminah Ouedraogo"),
        ("Maria Popescu", "Popesku Maria"),
        ("Yusuf Warsame", "Yousouf Warsame"), ("Anis Ben Ali", "Benali Anis"), ("Fatima Njie", "Fatima Njei"),
    ],
)  # fmt: skip
def test_names_that_are_written_in_another_way_are_alike_and_found_by_a_key(one: str, other: str) -> None:
    mine, theirs = spelling.parts(one), spelling.parts(other)

    assert spelling.all_alike(mine, theirs)
    assert spelling.keys(mine) & spelling.keys(theirs)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Mohamed Jallow", "Mohamed Warsame"), ("Amina Bah", "Fatou Bah"), ("Mohamed", "Muhammad"), ("", "")],
)
def test_one_name_in_common_does_not_make_two_alike(one: str, other: str) -> None:
    assert not spelling.all_alike(spelling.parts(one), spelling.parts(other))


# -- what weighs -------------------------------------------------------------------------------------------------------


def test_a_similar_name_is_a_suspicion_only_with_something_beside_it() -> None:
    other = like(given=("muhammad",), family=("diallo",))

    assert not is_suspected(MOHAMED, other)
    assert is_suspected(MOHAMED, like(given=("muhammad",), family=("diallo",), language="en"))


def test_a_suspicion_says_which_kinds_of_things_agree_and_which_speak_against_it() -> None:
    one = like(given=("amina",), family=("bah",), language="fr", birth_date="1995-03-14", birth_year="1995")
    other = like(given=("bah",), family=("amina",), language="fr", birth_date="1996-03-14", birth_year="1996")

    assert compare(one, other).reasons == ("name_order", "same_language", "other_birth_date")


@pytest.mark.parametrize(
    "shared",
    [
        {"language": "fr", "citizenship": "ML"},
        {"birth_date": "1995-03-14", "birth_year": "1995", "language": "fr", "citizenship": "ML"},
        {"contact": "3331234567", "language": "fr", "citizenship": "ML"},
        {"birth_year": "1995", "language": "fr", "citizenship": "ML"},
    ],
)
def test_without_a_name_or_an_identifier_little_in_common_is_no_suspicion(shared: dict[str, Any]) -> None:
    assert not is_suspected(like(person_ref="p_1", **shared), like(**shared))


def test_gender_is_compared_by_nothing() -> None:
    assert "gender" not in Traits.__dataclass_fields__
    assert not [code for code in FEATURES if "gender" in code]


def test_the_same_identifier_is_enough_and_another_that_people_keep_speaks_against() -> None:
    stp, renewed = frozenset({("stp", "STP1909990000001")}), frozenset({("stp", "STP1909990000002")})
    code, other = frozenset({("codice_fiscale", "A")}), frozenset({("codice_fiscale", "B")})
    name = {"given": ("amina",), "family": ("bah",)}

    assert is_suspected(like(person_ref="p_1", identifiers=stp), like(identifiers=stp))
    assert is_suspected(like(person_ref="p_1", identifiers=stp, **name), like(identifiers=renewed, **name))
    assert not is_suspected(like(person_ref="p_1", identifiers=code, **name), like(identifiers=other, **name))


def test_another_birth_date_or_age_speaks_against_the_same_name() -> None:
    name = {"given": ("amina",), "family": ("bah",), "language": "fr"}

    assert is_suspected(like(person_ref="p_1", **name), like(**name))
    assert not is_suspected(like(person_ref="p_1", birth_year="1995", **name), like(birth_year="2001", **name))
    assert not is_suspected(like(person_ref="p_1", age_band="14-17", **name), like(age_band="40-60", **name))
    assert is_suspected(like(person_ref="p_1", age_band="18-24", **name), like(age_band="25-39", **name))


def test_the_likeliest_comes_first_and_a_person_is_named_once_and_is_no_twin_of_themselves() -> None:
    sure = like(person_ref="p_3", given=("mohamed",), family=("jallow",), language="en")
    unsure = like(given=("muhammad",), family=("diallo",), language="en")

    assert [s.person_ref for s in suspects(MOHAMED, [unsure, sure, sure, MOHAMED])] == ["p_3", "p_2"]


# -- what is compared --------------------------------------------------------------------------------------------------


def traits_of(**changes: Any) -> Traits:
    command = a_record(**changes)
    intake, person = record(command, the_directory(), NOW, b"key")
    return twins.traits(person, intake.recorded)


def test_a_first_of_january_and_a_year_are_no_birth_date() -> None:
    for value, precision in (("1995-01-01", "day"), ("1995-03-14", "year"), ("1995", "year")):
        found = traits_of(tier1={"birth_date": {"value": value, "precision": precision}})
        assert (found.birth_date, found.birth_year) == (None, "1995")


def test_an_identifier_whose_check_fails_and_one_that_belongs_to_nobody_are_not_used() -> None:
    stated = [
        {"type": "codice_fiscale", "value": "RSSMRA85T10A562X"},
        {"type": "codice_fiscale_numeric", "value": "00000000000"},
        {"type": "stp", "value": "stp1909990000001"},
    ]

    assert traits_of(tier2={"identifiers": stated}).identifiers == {("stp", "STP1909990000001")}


def test_a_telephone_number_is_the_same_with_its_countrys_code() -> None:
    written = ("+39 333 1234567", "3331234567")
    found = [traits_of(tier1={"contact": {"channel": "phone", "value": value}}).contact for value in written]

    assert found == ["331234567", "331234567"]


# -- who may be asked --------------------------------------------------------------------------------------------------


def met(agency: str, *bases: Any, **known: Any) -> Any:
    return a_recorded_intake(sender_agency=agency, sharing_basis=list(bases) or [a_basis()], **known)


def test_a_desk_is_asked_of_a_person_whom_a_basis_lets_be_referred_to_it() -> None:
    assert may_be_asked([met("pa.mobile")], [met("pa.comune")], [COMUNE, MOBILE], NOW)


@pytest.mark.parametrize("of_another", [a_basis("city:torino"), a_basis("pa.accura"), a_basis(refused=True),
                                        a_basis(withdrawn_at=NOW), a_basis(purposes=["statistics"])])  # fmt: skip
def test_a_desk_does_not_learn_of_a_person_with_whom_it_has_nothing_to_do(of_another: Any) -> None:
    assert not may_be_asked([met("pa.mobile")], [met("pa.comune", of_another)], [COMUNE, MOBILE], NOW)
    assert not may_be_asked([met("pa.mobile", of_another)], [met("pa.comune")], [COMUNE, MOBILE], NOW)


def test_whom_the_person_excluded_is_not_asked_whatever_the_bases_say() -> None:
    assert not may_be_asked([met("pa.mobile")], [met("pa.comune", withhold=("pa.mobile",))], [COMUNE, MOBILE], NOW)
    assert not may_be_asked([met("pa.mobile", withhold=("pa.comune",))], [met("pa.comune")], [COMUNE, MOBILE], NOW)


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_a_desk_is_asked_of_a_person_of_one_that_works_no_more_if_each_might_know_of_the_others(status: str) -> None:
    two, gone = ([met("pa.comune")], [met("pa.mobile")]), an_agency("pa.mobile", status=status)

    assert may_be_asked(*two, [COMUNE, gone], NOW)
    assert not may_be_asked(*two, [an_agency("pa.comune", status=status), gone], NOW)
    for one, other in (("pa.comune", "pa.mobile"), ("pa.mobile", "pa.comune")):
        excluding = [met(one, withhold=(other,))], [met(other)]
        assert not may_be_asked(*excluding, [COMUNE, gone], NOW)
        assert not may_be_asked([met(one, a_basis("city:torino"))], [met(other)], [COMUNE, gone], NOW)


def test_an_agency_is_asked_about_its_own_people() -> None:
    alone = a_basis("pa.accura")

    assert may_be_asked([met("pa.comune", alone)], [met("pa.comune", alone)], [COMUNE], NOW)
    assert not may_be_asked([met("pa.comune")], [met("pa.comune")], [an_agency("pa.comune", status="left")], NOW)


# -- the samples -------------------------------------------------------------------------------------------------------


def sampled() -> dict[str, Traits]:
    """Of each line of Palermo's sample."""
    found: dict[str, Traits] = {}
    for line in (SAMPLES / "intakes.palermo.jsonl").read_text("utf-8").splitlines():
        stated = json.loads(line)
        submitted = a_record().submitted.model_validate_json(json.dumps(stated))
        ref = str(stated["tier0"]["sender_ref"])
        person = Personal(a_record().intake_id, f"p_{ref}", "a", ref, submitted.tier1, submitted.tier2)
        recorded = a_recorded_intake(language=submitted.tier0.language, age_band=submitted.tier0.age_band)
        found[ref] = twins.traits(person, recorded)
    return found


def test_every_duplicate_of_the_samples_is_suspected_and_found_by_a_key_and_few_others_are() -> None:
    people = sampled()
    expected = json.loads((SAMPLES / "intakes.palermo.expected.json").read_text("utf-8"))
    groups = [set(group["refs"]) for group in expected["duplicate_groups"]]
    alike = [set(group["refs"]) for group in expected["same_name_different_person"]]

    refs = sorted(people)
    pairs = [{a, b} for i, a in enumerate(refs) for b in refs[i + 1 :] if is_suspected(people[a], people[b])]

    assert [sorted(group) for group in groups if group not in pairs] == []
    assert [pair for pair in pairs if not _share_a_key(*(people[ref] for ref in pair))] == []
    assert len([pair for pair in pairs if pair not in groups + alike]) <= 4


def _share_a_key(one: Traits, other: Traits) -> bool:
    strong = set(twins.strong_keys(one)) & set(twins.strong_keys(other))
    return bool(strong or set(twins.name_keys(one)) & set(twins.name_keys(other)))
