"""How old a person is by now, and until when the age band that was stated of them holds."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from contracts.events import ReferralDeclined
from contracts.journeys import UnmetNeedRecorded
from contracts.stated import BirthDate
from services.intake.api import RecordedIntake
from services.intake.domain.ages import as_of, band_until
from tests.builders import NOW, a_recorded_intake, an_agency, an_intake, an_offer
from tests.domain.test_drafts import DOOR, ask_for_one_more, recorded
from tests.domain.test_journey import say
from tests.offline import INSIDE, Offline

MET = date(2026, 10, 27)
ADULTS = {"rule": "age_between", "min": 18, "max": None}
SINGLE = {"rule": "household_in", "values": ("single_adult",)}


def born(value: str, precision: str = "day") -> BirthDate:
    return BirthDate.model_validate({"value": value, "precision": precision})


# -- until when it holds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "precision", "expected"), [
    ("2009-06-14", "day", date(2027, 6, 1)),
    ("2008-10-29", "day", date(2026, 10, 28)),
    ("2009-06", "month", date(2027, 6, 1)),
    ("2009", "year", date(2027, 1, 1)),
    ("2008", "year", date(2026, 10, 28)),
    ("2009", "estimated", date(2027, 10, 1)),
    ("2011-06-14", "day", date(2027, 10, 1)),
    ("2008-02-29", "day", date(2026, 10, 28)),
])  # fmt: skip
def test_a_band_holds_until_the_month_of_the_birthday_and_for_a_year_at_most(
    value: str, precision: str, expected: date
) -> None:
    assert band_until("14-17", born(value, precision), MET) == expected


def test_the_band_of_a_person_whose_birth_is_not_known_holds_for_a_year() -> None:
    assert band_until("14-17", None, MET) == date(2027, 10, 1)


@pytest.mark.parametrize("band", ["unknown", "61+"])
def test_a_band_without_an_end_is_not_over(band: str) -> None:
    assert band_until(band, born("1960-01-02"), MET) is None


# -- by now -----------------------------------------------------------------------------------------------------------


def now(met: dict[str, Any], birth: BirthDate | None, day: date) -> tuple[str, str, date | None]:
    found = as_of(a_recorded_intake(**met), birth, MET, day)
    return found.age_band, found.household, found.age_band_until


MINOR = {"age_band": "14-17", "household": "minor_alone"}


@pytest.mark.parametrize(("day", "expected"), [
    (date(2027, 6, 13), ("14-17", "minor_alone", date(2027, 6, 14))),
    (date(2027, 6, 14), ("18-24", "unknown", date(2028, 6, 1))),
    (date(2040, 1, 1), ("25-39", "unknown", date(2041, 1, 1))),
])  # fmt: skip
def test_a_birth_that_is_known_to_the_day_tells_the_band_of_today(
    day: date, expected: tuple[str, str, date | None]
) -> None:
    assert now(MINOR, born("2009-06-14"), day) == expected


@pytest.mark.parametrize("birth", [None, born("2009", "year"), born("2009-01-01"), born("2009-06", "month")])
def test_what_is_known_less_well_leaves_the_band_and_tells_since_when_it_is_not_sure(birth: BirthDate | None) -> None:
    band, household, until = now(MINOR, birth, date(2029, 1, 1))

    assert (band, household) == ("14-17", "minor_alone")
    assert until is not None
    assert until < date(2029, 1, 1)


def test_who_has_children_has_them_still_when_of_age() -> None:
    mother = {"age_band": "14-17", "household": "mother_with_children"}

    assert now(mother, born("2009-06-14"), date(2027, 7, 1))[:2] == ("18-24", "mother_with_children")


def test_a_band_that_was_not_stated_is_not_told_later() -> None:
    assert now({"age_band": "unknown"}, born("2009-06-14"), date(2027, 7, 1)) == ("unknown", "single_adult", None)


# -- where the person is sent ------------------------------------------------------------------------------------------


def a_minor_alone(birth_date: str = "2009-06-14") -> dict[str, Any]:
    met = {"age_band": "14-17", "household": "minor_alone"}
    valid = an_intake()["tier0"]["sharing_basis"][0] | {"valid_from": "2026-01-01"}
    tier1 = {"birth_date": {"value": birth_date, "precision": "day"}}
    return an_intake(services=("health.primary",), sharing_basis=[valid], **met) | {"tier1": tier1}


def after(birthday: datetime, *offers: Any) -> tuple[Offline, str]:
    """She was met at 17; who is asked for her then, and what time it is by now."""
    network = Offline(
        (an_agency("pa.comune"), an_agency("pa.accura"), an_agency("pa.ponte")),
        (an_offer(), an_offer("pa.ponte.home", service="housing.temporary", rules=(ADULTS, SINGLE)), *offers),
        services=(*DOOR, *INSIDE),
    )
    network.say("pa.comune", "staffetta.intake.submit.v1", a_minor_alone(), "i-1")
    network.now = birthday
    return network, recorded(network)[0].person_ref


def drafted(network: Offline, person_ref: str) -> Any:
    ask_for_one_more(network, person_ref=person_ref, service="housing.temporary")
    [draft] = [one for one in network.referrals.values() if one.need.service == "housing.temporary"]
    return draft


def test_who_has_come_of_age_since_the_meeting_is_sent_to_a_house_for_adults() -> None:
    network, person_ref = after(NOW + timedelta(days=240))

    draft = drafted(network, person_ref)
    say(network, draft.referral_id, "send", by="pa.comune")

    sent = network.referrals[draft.referral_id]
    assert (sent.need.person.age_band, sent.need.person.household) == ("18-24", "unknown")
    assert (sent.state, sent.place and sent.place.offer) == ("REQUESTED", "pa.ponte.home")


def test_a_draft_that_waited_over_a_birthday_is_checked_by_the_house_for_adults_and_not_turned_away_by_us() -> None:
    network, person_ref = after(NOW)
    draft = drafted(network, person_ref)
    assert draft.need.person.age_band == "14-17"

    network.now = NOW + timedelta(days=240)
    say(network, draft.referral_id, "send", by="pa.comune")

    sent = network.referrals[draft.referral_id]
    assert (sent.state, sent.place and sent.place.offer) == ("REQUESTED", "pa.ponte.home")


def test_a_minor_is_not_sent_to_a_house_for_adults() -> None:
    network, person_ref = after(NOW + timedelta(days=30))

    draft = drafted(network, person_ref)
    say(network, draft.referral_id, "send", by="pa.comune")

    assert network.referrals[draft.referral_id].state == "DRAFT"


def test_a_successor_after_the_birthday_may_go_where_only_adults_are_taken() -> None:
    network, _ = after(NOW, an_offer("pa.ponte.clinic", rules=(ADULTS, SINGLE)))
    [first] = network.referrals.values()
    assert first.place
    assert first.place.offer == "pa.accura.primary"

    network.now = NOW + timedelta(days=240)
    said = say(network, first.referral_id, "decline", by="pa.accura", decline_reason="no_capacity")

    assert any(isinstance(message, ReferralDeclined) for message in said)
    assert not any(isinstance(message, UnmetNeedRecorded) and message.final for message in said)
    [successor] = [one for one in network.referrals.values() if one.predecessor_id == first.referral_id]
    assert successor.place
    assert successor.place.offer == "pa.ponte.clinic"


def test_no_agency_reads_when_somebody_comes_of_age_nor_does_a_decision_keep_it() -> None:
    network, person_ref = after(NOW)
    draft = drafted(network, person_ref)
    network.now = NOW + timedelta(days=240)
    say(network, draft.referral_id, "send", by="pa.comune")

    assert recorded(network)[0].age_band_until == date(2027, 6, 1)
    assert draft.need.age_band_until == date(2027, 6, 1)
    kept = [doc["decision"]["search"]["need"] for doc in network.db["decisions"].all()]
    assert {need["age_band_until"] for need in kept} == {None}
    assert {need["older_by"] for need in kept} == {0, 1}
    assert "age_band_until" not in RecordedIntake.model_json_schema(mode="serialization")["properties"]
    assert "2027-06-01" not in str([entry["value"] for feed in network.feeds.values() for entry in feed])
