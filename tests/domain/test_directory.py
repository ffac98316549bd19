"""Which entries the directory takes, and which files make sense as a whole."""

import json
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import codes
from contracts.directory import (
    Agency,
    AreaServed,
    Capacity,
    Contact,
    Offer,
    OpeningHours,
    Queue,
    StricterLimit,
    Waitlist,
)
from contracts.refusals import Refusal
from services.directory.domain import agencies, entries, hsds, offers
from services.directory.domain.faults import Fault
from services.directory.load import main, read
from tests.builders import NOW, an_agency, an_offer

SAMPLES = Path(__file__).parents[1] / "samples"
NAMES = ("directory.palermo.json", "directory.network.json")
FILES = {name: json.loads((SAMPLES / name).read_text("utf-8")) for name in NAMES}


def a_queue(code: str = "pa.accura.desk", **known: Any) -> Queue:
    return Queue(**{"code": code, "kind": "desk", "name": {"it": code}} | known)


def hours(start: str, end: str, days: tuple[str, ...] = ("mon",)) -> OpeningHours:
    return OpeningHours.model_validate({"days": days, "from": start, "to": end})


def a_sound_offer(**known: Any) -> Offer:
    return an_offer(**{"capacity": Capacity(kind="appointment_slot", total=5, per="day")} | known)


def of_agency(agency: Agency, known: Agency | None = None) -> list[tuple[str, str]]:
    return [(fault.code, fault.pointer) for fault in agencies.check(agency, known)]


def of_offer(offer: Offer) -> list[tuple[str, str]]:
    return [(fault.code, fault.pointer) for fault in offers.check(offer, an_agency())]


def of_rule(service: str = "health.primary", **rule: Any) -> list[tuple[str, str]]:
    return of_offer(a_sound_offer(rules=(rule,), service=service, capacity=Capacity(kind="none")))


# -- agencies ---------------------------------------------------------------------------------------------------------


def test_an_agency_with_a_queue_in_a_city_of_the_network_makes_sense() -> None:
    assert of_agency(an_agency()) == []


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ({"city": "catania"}, ("unknown_code", "/city")),
        ({"delivery": "pigeon"}, ("unknown_code", "/delivery")),
        ({"queues": ()}, ("missing_field", "/queues")),
        ({"queues": (a_queue(), a_queue())}, ("inconsistent_data", "/queues/1/code")),
        ({"contact": Contact(email="desk at example.org")}, ("invalid_value", "/contact/email")),
        ({"contact": Contact(email="desk@[example.org")}, ("invalid_value", "/contact/email")),
        ({"queues": (a_queue(contact=Contact(email="desk@example")),)}, ("invalid_value", "/queues/0/contact/email")),
        ({"queues": (a_queue(languages=("it", "Arabic")),)}, ("unknown_code", "/queues/0/languages/1")),
        ({"queues": (a_queue(opening_hours=(hours("13:00", "09:00"),)),)},
         ("inconsistent_data", "/queues/0/opening_hours/0/to")),
        ({"queues": (a_queue(opening_hours=(hours("09:00", "24:30"),)),)},
         ("inconsistent_data", "/queues/0/opening_hours/0/to")),
    ],
)  # fmt: skip
def test_an_agency_that_makes_no_sense_is_told_where(known: dict[str, Any], fault: tuple[str, str]) -> None:
    assert of_agency(an_agency(**known)) == [fault]


@pytest.mark.parametrize(
    ("priority", "limit", "amount", "faults"),
    [
        ("URGENT", "decide", 24, []),
        ("URGENT", "decide", 48, []),
        ("URGENT", "decide", 49, [("invalid_value", "/limits/0/amount")]),
        ("URGENT", "phone", 1, [("unknown_code", "/limits/0/limit")]),
        ("WHENEVER", "decide", 1, [("unknown_code", "/limits/0/priority")]),
    ],
)
def test_an_agency_may_answer_sooner_than_the_network_asks_and_never_later(
    priority: str, limit: str, amount: int, faults: list[tuple[str, str]]
) -> None:
    kept = StricterLimit(priority=priority, limit=limit, amount=amount)

    assert of_agency(an_agency(limits=(kept,))) == faults


def test_opening_hours_are_those_of_some_day() -> None:
    agency = an_agency(queues=(a_queue(opening_hours=(hours("09:00", "13:00", ()),)),))

    assert of_agency(agency) == [("missing_field", "/queues/0/opening_hours/0/days")]


def test_a_desk_may_be_open_until_midnight() -> None:
    assert of_agency(an_agency(queues=(a_queue(opening_hours=(hours("09:00", "24:00"),)),))) == []


def test_a_queue_never_goes_away_since_referrals_lie_in_it() -> None:
    before = an_agency(queues=(a_queue(), a_queue("pa.accura.clinic")))

    assert of_agency(an_agency(), before) == [("inconsistent_data", "/queues")]


def test_a_queue_may_be_added() -> None:
    assert of_agency(an_agency(queues=(a_queue(), a_queue("pa.accura.clinic"))), an_agency()) == []


def test_an_agency_whose_topics_the_broker_would_hold_for_those_of_another_is_refused() -> None:
    found = list(agencies.check(an_agency("pa.casa_donne"), others=["pa.casa.donne", "pa.casa_donne", "pa.casa"]))

    assert [(fault.code, fault.pointer) for fault in found] == [("inconsistent_data", "/code")]
    assert "pa.casa.donne" in found[0].rule


# -- offers -----------------------------------------------------------------------------------------------------------


def test_an_offer_of_a_queue_of_its_agency_makes_sense() -> None:
    assert of_offer(a_sound_offer()) == []


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ({"service": "lab.cooking"}, ("unknown_code", "/service")),
        ({"queue": "pa.accura.nowhere"}, ("unknown_code", "/queue")),
        ({"area_served": AreaServed(cities=("palermo", "catania"))}, ("unknown_code", "/area_served/cities/1")),
        ({"area_served": AreaServed(cities=())}, ("missing_field", "/area_served/cities")),
        ({"languages": ("it", "Arabic")}, ("unknown_code", "/languages/1")),
        ({"opening_hours": (hours("09:00", "09:00"),)}, ("inconsistent_data", "/opening_hours/0/to")),
        ({"capacity": Capacity(kind="bed_night", total=5)}, ("inconsistent_data", "/capacity/kind")),
        ({"capacity": Capacity(kind="appointment_slot", total=-1)}, ("number_out_of_range", "/capacity/total")),
        ({"capacity": Capacity(kind="appointment_slot")}, ("missing_field", "/capacity/total")),
        ({"capacity": Capacity(kind="appointment_slot", total=5, per="year")}, ("inconsistent_data", "/capacity/per")),
        ({"capacity": Capacity(kind="none", per="day")}, ("inconsistent_data", "/capacity/per")),
        ({"capacity": Capacity(kind="none", total=5)}, ("inconsistent_data", "/capacity/total")),
        ({"waitlist": Waitlist(enabled=True, order_rule="by_name")}, ("unknown_code", "/waitlist/order_rule")),
        ({"waitlist": Waitlist(enabled=True)}, ("missing_field", "/waitlist/order_rule")),
        ({"valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 31)}, ("inconsistent_data", "/valid_to")),
    ],
)
def test_an_offer_that_makes_no_sense_is_told_where(known: dict[str, Any], fault: tuple[str, str]) -> None:
    assert of_offer(a_sound_offer(**known)) == [fault]


def test_an_offer_may_have_no_place_left() -> None:
    assert of_offer(a_sound_offer(capacity=Capacity(kind="appointment_slot", total=0))) == []


def test_an_offer_for_people_from_any_city_names_none() -> None:
    assert of_offer(a_sound_offer(area_served=AreaServed(cities=(), any_network_city=True))) == []


def test_an_offer_may_hold_for_one_day() -> None:
    assert of_offer(a_sound_offer(valid_to=date(2026, 1, 1))) == []


def test_an_offer_needs_its_agency_in_the_directory() -> None:
    assert [fault.pointer for fault in offers.check(a_sound_offer(), None)] == ["/agency"]


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "age_between", "min": 18},
        {"rule": "age_between", "max": 17},
        {"rule": "age_between", "min": 18, "max": 18},
        {"rule": "gender_in", "values": ("female", "other")},
        {"rule": "household_in", "values": ("couple",)},
        {"rule": "language_in", "values": ("wo",)},
        {"rule": "city_of_presence_in", "values": ("palermo",)},
        {"rule": "household_size_max", "value": 4},
        {"rule": "step_free_needed", "value": True},
        {"rule": "referral_required", "value": False},
        {"rule": "document_any_of", "values": ("stp", "eni")},
        {"rule": "after_service", "values": ("lab.it",)},
        {"any_of": ({"rule": "age_between", "min": 18}, {"rule": "gender_in", "values": ("female",)})},
    ],
)
def test_every_kind_of_admission_rule_can_be_stated(rule: dict[str, Any]) -> None:
    assert of_rule(**rule) == []


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"rule": "shoe_size"}, ("unknown_code", "/rule")),
        ({}, ("inconsistent_data", "")),
        (
            {"rule": "age_between", "min": 18, "all_of": ({"rule": "age_between", "max": 60},)},
            ("inconsistent_data", ""),
        ),
        ({"rule": "age_between"}, ("missing_field", "/min")),
        ({"rule": "gender_in", "values": ("female",), "min": 18}, ("inconsistent_data", "/min")),
        ({"any_of": ({"rule": "age_between", "min": 18},), "values": ("female",)}, ("inconsistent_data", "/values")),
        ({"rule": "age_between", "min": 18, "max": 17}, ("inconsistent_data", "/max")),
        ({"rule": "age_between", "min": -1}, ("number_out_of_range", "/min")),
        ({"rule": "gender_in"}, ("missing_field", "/values")),
        ({"rule": "gender_in", "values": ("female", "donna")}, ("unknown_code", "/values/1")),
        ({"rule": "household_in", "values": ("clan",)}, ("unknown_code", "/values/0")),
        ({"rule": "language_in", "values": ("Wolof",)}, ("unknown_code", "/values/0")),
        ({"rule": "city_of_presence_in", "values": ("catania",)}, ("unknown_code", "/values/0")),
        ({"rule": "document_any_of", "values": ("passport",)}, ("unknown_code", "/values/0")),
        ({"rule": "after_service", "values": ("lab.cooking",)}, ("unknown_code", "/values/0")),
        ({"rule": "household_size_max"}, ("missing_field", "/value")),
        ({"any_of": ({"rule": "shoe_size"},)}, ("unknown_code", "/any_of/0/rule")),
    ],
)
def test_an_admission_rule_that_makes_no_sense_is_told_where(rule: dict[str, Any], fault: tuple[str, str]) -> None:
    assert of_rule(**rule) == [(fault[0], "/admission/all_of/0" + fault[1])]


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "document_any_of", "values": ("stp",)},
        {
            "any_of": (
                {"all_of": ({"rule": "document_any_of", "values": ("stp",)},)},
                {"rule": "age_between", "max": 17},
            )
        },
    ],
    ids=["plainly", "deep inside"],
)
def test_nobody_without_a_place_tonight_is_asked_for_documents(rule: dict[str, Any]) -> None:
    assert [code for code, _ in of_rule("housing.emergency_bed", **rule)] == ["inconsistent_data"]


# -- entries as they change -------------------------------------------------------------------------------------------


def test_each_change_of_an_entry_is_one_version_more() -> None:
    first = entries.put(an_agency(), None, [], "/agency")
    second = entries.put(an_agency(status="left"), first, [], "/agency")

    assert (first.version, second.version, second.status) == (1, 2, "left")


def test_an_entry_that_is_as_it_was_is_no_change_whatever_version_it_claims() -> None:
    known = an_agency(version=4)

    assert entries.put(an_agency(version=9), known, [], "/agency") is known


def test_an_entry_that_makes_no_sense_is_refused_with_its_first_fault() -> None:
    faults = [Fault("unknown_code", "/city", "must be known"), Fault("missing_field", "/queues", "must be there")]

    with pytest.raises(Refusal) as refused:
        entries.put(an_agency(), None, faults, "/agency")

    assert (refused.value.code, refused.value.pointer) == ("unknown_code", "/agency/city")


# -- files ------------------------------------------------------------------------------------------------------------


def wrong(*path: Any, value: Any = None, also: dict[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """The faults of both sample files when one place of the first holds another value (None: is not there)."""
    changed = deepcopy(FILES[NAMES[0]])
    at = changed
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    _, found = read({NAMES[0]: changed | (also or {}), NAMES[1]: FILES[NAMES[1]]})
    return [(name, fault.pointer, fault.code) for name, fault in found]


def test_the_sample_files_make_sense_together() -> None:
    commands, found = read(FILES)

    assert found == []
    assert len(commands) == 69 + 171


def test_an_agency_comes_before_its_offers() -> None:
    commands, _ = read(FILES)

    kinds = [type(command).__name__ for command in commands.values()]

    assert kinds == sorted(kinds)


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("schema",), "something.else", ("/schema", "invalid_value")),
        (("version",), "2.0.0", ("/version", "unsupported_version")),
        (("person",), {"name": "Amina"}, ("/person", "unknown_field")),
        (("cities", 0), "catania", ("/cities/0", "unknown_code")),
        (("not_served_here", 1), "lab.cooking", ("/not_served_here/1", "unknown_code")),
        (("agencies", 0, "city"), None, ("/agencies/0/city", "missing_field")),
        (("agencies", 0, "status"), "asleep", ("/agencies/0/status", "invalid_value")),
        (("agencies", 1, "city"), "catania", ("/agencies/1/city", "unknown_code")),
        (("offers", 2, "valid_from"), "2026-02-30", ("/offers/2/valid_from", "invalid_value")),
        (("offers", 2, "queue"), "pa.nowhere", ("/offers/2/queue", "unknown_code")),
        (("offers", 1, "code"), "pa.accura.primary", ("/offers/1", "inconsistent_data")),
        (("offers", 2, "admision"), {}, ("/offers/2/admision", "unknown_field")),
        (("offers", 2, "a/b~c"), {}, ("/offers/2/a~1b~0c", "unknown_field")),
        (("offers", 2, "admission"), {"all_off": []}, ("/offers/2/admission/all_off", "unknown_field")),
        (("offers", 2, "admission"), {"all_of": [{"any_of": [{"rule": "age_between", "mim": 18}]}]},
         ("/offers/2/admission/all_of/0/any_of/0/mim", "unknown_field")),
        (("offers", 2, "area_served", "city"), [], ("/offers/2/area_served/city", "unknown_field")),
        (("offers", 2, "capacity", "totl"), 3, ("/offers/2/capacity/totl", "unknown_field")),
        (("offers", 2, "waitlist", "on"), True, ("/offers/2/waitlist/on", "unknown_field")),
        (("offers", 2, "real_name"), True, ("/offers/2/real_name", "unknown_field")),
        (("agencies", 0, "citty"), "palermo", ("/agencies/0/citty", "unknown_field")),
        (("agencies", 0, "contact", "mail"), "x@y.it", ("/agencies/0/contact/mail", "unknown_field")),
        (("agencies", 0, "queues", 0, "hours"), [], ("/agencies/0/queues/0/hours", "unknown_field")),
        (("agencies", 0, "queues", 0, "opening_hours", 0, "start"), "09:00",
         ("/agencies/0/queues/0/opening_hours/0/start", "unknown_field")),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_file_and_place(path: tuple[Any, ...], value: Any, fault: tuple[str, str]) -> None:
    assert (NAMES[0], *fault) in wrong(*path, value=value)


def test_a_mistyped_field_is_told_with_the_one_that_was_meant() -> None:
    offer = FILES[NAMES[0]]["offers"][0] | {"admision": {"all_of": []}}

    _, [(_, fault)] = read({"x.json": FILES[NAMES[0]] | {"offers": [offer]}})

    assert (fault.pointer, fault.rule) == ("/offers/0/admision", "is no field here: is `admission` meant?")


def test_an_offer_comes_in_the_same_files_as_its_agency() -> None:
    [(_, fault)] = read({"x.json": FILES[NAMES[0]] | {"agencies": [], "offers": FILES[NAMES[0]]["offers"][:1]}})[1]

    assert (fault.pointer, fault.code) == ("/offers/0/agency", "unknown_code")
    assert "an agency of these files" in fault.rule


@pytest.mark.parametrize(("city", "status"), [("palermo", 0), ("catania", 1)])
def test_files_can_be_checked_before_any_directory_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, city: str, status: int
) -> None:
    file = tmp_path / "directory.json"
    file.write_text(json.dumps(FILES[NAMES[0]] | {"cities": [city]}))
    monkeypatch.setattr("sys.argv", ["load", "--check", str(file)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == status


@pytest.mark.parametrize("same", ["code", "queues"])
def test_two_agencies_of_two_files_have_neither_code_nor_queue_in_common(same: str) -> None:
    other = FILES[NAMES[1]]["agencies"][0]
    one = other | {"code": "zz.one", "queues": [a_queue("zz.one.desk").model_dump()]} | {same: other[same]}

    found = wrong("notice", also={"agencies": FILES[NAMES[0]]["agencies"] + [one]})

    assert set(found) == {(NAMES[1], "/agencies/0", "inconsistent_data")}


def test_two_agencies_of_two_files_differ_in_more_than_a_dot() -> None:
    known = FILES[NAMES[1]]["agencies"][0]
    one = known | {"code": known["code"].replace(".", "_"), "queues": [a_queue("zz.one.desk").model_dump()]}

    found = wrong("notice", also={"agencies": [*FILES[NAMES[0]]["agencies"], one]})

    last = len(FILES[NAMES[0]]["agencies"])
    assert found == [(NAMES[0], f"/agencies/{last}/code", "inconsistent_data"),
                     (NAMES[1], "/agencies/0/code", "inconsistent_data")]  # fmt: skip


@pytest.mark.parametrize("value", [[], "text", {"agencies": {}, "offers": None}, {"agencies": ["x", 3, None]}, None])
def test_a_file_that_is_something_else_is_told_and_nothing_breaks(value: Any) -> None:
    _, found = read({"x.json": value})

    assert found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(list(codes.codes("services"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(FILES[NAMES[0]]["offers"][0])), VALUES)
def test_whatever_stands_in_a_field_reading_never_breaks(name: str, value: Any) -> None:
    offer = FILES[NAMES[0]]["offers"][0] | {name: value}

    _, found = read({"x.json": FILES[NAMES[0]] | {"offers": [offer]}})

    assert all(fault.pointer.startswith("/offers/0") for _, fault in found)


# -- as everybody reads it --------------------------------------------------------------------------------------------

MIDNIGHT = datetime(2026, 10, 31, 23, tzinfo=UTC)
"""In Palermo, after the last day of October."""


@pytest.mark.parametrize(
    ("known", "agency", "now", "status"),
    [
        ({}, an_agency(), NOW, "active"),
        ({}, None, NOW, "active"),
        ({"status": "closed"}, an_agency(), NOW, "inactive"),
        ({"valid_to": date(2026, 10, 31)}, an_agency(), MIDNIGHT - timedelta(seconds=1), "active"),
        ({"valid_to": date(2026, 10, 31)}, an_agency(), MIDNIGHT, "inactive"),
        ({}, an_agency(status="suspended"), NOW, "inactive"),
        ({}, an_agency(status="left"), NOW, "inactive"),
    ],
)
def test_an_offer_is_shown_as_active_while_it_takes_people(
    known: dict[str, Any], agency: Agency | None, now: datetime, status: str
) -> None:
    assert hsds.service_at_location(an_offer(**known), agency, now).status == status
