"""What people put right of their own offers, who may, and how long it holds beside the directory's files."""

import json
from typing import Any

import pytest

from contracts.commands import CorrectOffer
from contracts.directory import Contact, Offer
from contracts.refusals import Refusal
from contracts.values import Asked
from services.directory.domain import corrections
from tests.builders import NOW, an_agency, an_offer

PHONE, NEW_PHONE = "+39 091 000000", "+39 091 111111"
FILED = an_offer(
    languages=("it", "en"), contact=Contact(phone=PHONE, email="desk@example.org"), description={"it": "A"}
)


def by(agency: str = "pa.accura", *roles: str) -> Asked:
    return Asked(agency=agency, actor="op-1", command_id="c-1", roles=roles or ("supervisor",))


def a_correction(asked: Asked | None = None, **stated: Any) -> CorrectOffer:
    said = {"asked": (asked or by()).model_dump(mode="json"), "offer": FILED.code} | stated
    return CorrectOffer.model_validate_json(json.dumps(said))


def corrected(**stated: Any) -> tuple[Offer, corrections.Corrections]:
    return corrections.correct(FILED, {}, a_correction(**stated), NOW)


def refused(command: CorrectOffer, speaker: str = "pa.accura", city: str = "palermo") -> tuple[str, str | None]:
    with pytest.raises(Refusal) as refusal:
        corrections.check(command, FILED, an_agency("pa.accura"), an_agency(speaker, city=city))
    return refusal.value.code, refusal.value.pointer


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [by(), by("pa.comune", "coordinator")])
def test_a_supervisor_of_the_agency_and_who_coordinates_its_city_may_correct(asked: Asked) -> None:
    command = a_correction(asked, phone=NEW_PHONE)

    assert corrections.check(command, FILED, an_agency("pa.accura"), an_agency(asked.agency or "")) == FILED


@pytest.mark.parametrize(
    ("asked", "city"),
    [
        (by("pa.penc", "supervisor"), "palermo"),
        (by("pa.accura", "caseworker"), "palermo"),
        (Asked(agency="pa.accura"), "palermo"),
        (by("to.comune", "coordinator"), "torino"),
    ],
    ids=["another agency", "a caseworker", "a system", "of another city"],
)
def test_nobody_else_may(asked: Asked, city: str) -> None:
    assert refused(a_correction(asked, phone=NEW_PHONE), asked.agency or "", city) == ("not_authorised", "/offer")


@pytest.mark.parametrize("asked", [by(), by("pa.comune", "coordinator")])
@pytest.mark.parametrize("status", ["suspended", "left"])
def test_nobody_corrects_for_an_agency_that_does_not_work(asked: Asked, status: str) -> None:
    command, speaker = a_correction(asked, phone=NEW_PHONE), an_agency(asked.agency or "", status=status)

    with pytest.raises(Refusal, match="not_authorised"):
        corrections.check(command, FILED, an_agency("pa.accura"), speaker)


def test_an_offer_that_is_not_there_and_a_correction_that_says_nothing_are_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        corrections.check(a_correction(phone=PHONE), None, None, an_agency())

    assert (refusal.value.code, refusal.value.pointer) == ("unknown_code", "/offer")
    assert refused(a_correction())[0] == "missing_field"


@pytest.mark.parametrize(
    ("stated", "code", "pointer"),
    [
        ({"email": "nobody"}, "invalid_value", "/email"),
        ({"languages": ["it", "??"]}, "unknown_code", "/languages/1"),
        ({"opening_hours": [{"days": ["mon"], "from": "12:00", "to": "09:00"}]}, "inconsistent_data",
         "/opening_hours/0/to"),
    ],
)  # fmt: skip
def test_what_would_make_no_sense_is_refused_with_a_pointer_into_the_command(
    stated: dict[str, Any], code: str, pointer: str
) -> None:
    after, _ = corrected(**stated)

    with pytest.raises(Refusal) as refusal:
        corrections.check_after(after, an_agency())

    assert (refusal.value.code, refusal.value.pointer) == (code, pointer)


# -- what then holds ---------------------------------------------------------------------------------------------------

HOURS = {"days": ["tue"], "from": "09:00", "to": "12:30"}


def test_a_correction_changes_what_it_names_and_keeps_who_and_when() -> None:
    after, standing = corrected(
        phone=NEW_PHONE,
        email="",
        languages=["it", "wo"],
        opening_hours=[HOURS],
        status="closed",
        description={"en": "B"},
    )

    assert after.contact == Contact(phone=NEW_PHONE) and after.languages == ("it", "wo")
    assert (after.status, after.description, after.corrected_at) == ("closed", {"it": "A", "en": "B"}, NOW)
    assert [day for hours in after.opening_hours for day in hours.days] == ["tue"]
    assert standing.keys() == corrections.WHERE.keys()
    assert {(one.agency, one.actor, one.at) for one in standing.values()} == {("pa.accura", "op-1", NOW)}


def test_what_is_not_named_stays_and_saying_what_holds_already_changes_nothing() -> None:
    after, standing = corrected(phone=PHONE, description={"it": "A"})

    assert (after, standing) == (FILED, {})


def test_the_same_file_again_does_not_undo_a_correction() -> None:
    after, standing = corrected(phone=NEW_PHONE)

    assert corrections.again(FILED, standing) == (after, standing)


def test_a_file_that_says_something_new_of_a_field_ends_its_correction_and_no_other() -> None:
    _, standing = corrected(phone=NEW_PHONE, languages=["it", "wo"])
    newer = FILED.model_copy(update={"languages": ("it", "en", "fr")})

    after, left = corrections.again(newer, standing)

    assert (after.languages, after.contact.phone) == (("it", "en", "fr"), NEW_PHONE)
    assert left.keys() == {"phone"}


def test_a_second_correction_is_still_held_against_what_the_file_said() -> None:
    first, standing = corrected(phone=NEW_PHONE)
    second, standing = corrections.correct(first, standing, a_correction(phone="112"), NOW)

    assert corrections.again(FILED, standing)[0].contact.phone == second.contact.phone == "112"


def test_going_back_to_what_the_file_says_leaves_no_correction() -> None:
    first, standing = corrected(phone=NEW_PHONE)

    assert corrections.correct(first, standing, a_correction(phone=PHONE), NOW) == (FILED, {})
