"""Unmet need, counted by city, service and reason: for those who coordinate, and without anything of a person."""

from collections import Counter

import pytest

from contracts import codes
from contracts.journeys import UnmetNeedTakenBack
from services.console import store as console
from services.referral.domain import telling
from services.referral.domain.referral import successor_id
from tests.builders import a_recorded_intake, an_agency, an_offer
from tests.domain.test_journey import VISIT, palermo, say, states
from tests.offline import INSIDE, Offline


def rows(network: Offline) -> Counter[tuple[str, str, str | None, bool]]:
    docs = network.db["unmet"].all()
    return Counter((doc["city"], doc["service"], doc["reason"], doc["final"]) for doc in docs)


def test_each_record_of_a_journey_is_one_row_with_its_city_and_reason() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    say(network, VISIT, "decline", decline_reason="no_capacity")
    say(network, successor_id(VISIT), "decline", by="pa.salute", decline_reason="no_capacity")

    assert rows(network) == {
        ("palermo", "health.primary", "no_capacity", False): 2,
        ("palermo", "health.primary", "already_tried", True): 1,
    }


def test_a_row_says_nothing_of_the_person_nor_of_the_referral() -> None:
    network = palermo(an_offer(status="closed"))

    network.ask(a_recorded_intake())

    (row,) = network.db["unmet"].all()
    assert set(row) == {"_id", "city", "at", "service", "reason", "final"}


def test_what_was_recorded_of_a_referral_that_should_never_have_been_counts_no_more() -> None:
    network = palermo()
    network.ask(an_agency("pa.lead"))
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline", decline_reason="no_capacity")
    second = successor_id(VISIT)
    say(network, second, "decline", by="pa.salute", decline_reason="no_capacity")

    said = say(network, second, "flag_in_error", by="pa.lead", roles=("coordinator",))
    again = say(network, second, "flag_in_error", by="pa.lead", roles=("coordinator",))

    assert rows(network) == {("palermo", "health.primary", "no_capacity", False): 1}
    back = [m for m in said if isinstance(m, UnmetNeedTakenBack)]
    assert [(m.referral_id, m.final) for m in back] == [(second, False), (successor_id(second), True)]
    assert not [m for m in again if isinstance(m, UnmetNeedTakenBack)]
    assert states(network) == {"health.primary": "unmet"}


def test_a_referral_that_went_on_to_others_is_flagged_too_and_only_what_it_left_itself_counts_no_more() -> None:
    network = palermo()
    network.ask(an_agency("pa.lead"))
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline", decline_reason="no_capacity")
    say(network, successor_id(VISIT), "decline", by="pa.salute", decline_reason="no_capacity")

    said = say(network, VISIT, "flag_in_error", by="pa.lead", roles=("coordinator",))

    assert network.referrals[VISIT].in_error
    assert [m.referral_id for m in said if isinstance(m, UnmetNeedTakenBack)] == [VISIT]
    assert rows(network) == {
        ("palermo", "health.primary", "no_capacity", False): 1,
        ("palermo", "health.primary", "already_tried", True): 1,
    }


def test_who_passes_on_for_lack_of_places_leaves_the_same_record_as_who_declines() -> None:
    network = palermo()
    network.ask(a_recorded_intake())

    say(network, VISIT, "pass_on", decline_reason="no_capacity", next_agency="pa.salute")
    assert rows(network) == {("palermo", "health.primary", "no_capacity", False): 1}

    say(network, successor_id(VISIT), "decline", by="pa.salute", decline_reason="out_of_area")
    assert rows(network)["palermo", "health.primary", "no_capacity", False] == 1


@pytest.mark.parametrize(("by", "tasks"), [("pa.comune", []), ("pa.accura", ["sender_decides"])])
def test_whoever_leaves_because_the_wait_is_too_long_has_an_unmet_need(by: str, tasks: list[str]) -> None:
    network = palermo(an_offer(), services=(*INSIDE, "console"))
    network.ask(a_recorded_intake())

    say(network, VISIT, "withdraw", by=by, withdraw_reason="waiting_too_long")

    assert rows(network) == {("palermo", "health.primary", "waiting_too_long", True): 1}
    assert [doc["reason"] for doc in network.dbs["console"][console.UNMET].all()] == ["waiting_too_long"]
    assert states(network) == {"health.primary": "ended"}
    assert [task.kind for task in network.tasks] == tasks


def test_the_boards_of_cities_forget_what_was_taken_back() -> None:
    network = palermo(an_offer(), services=(*INSIDE, "console"))
    network.ask(an_agency("pa.lead"))
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline", decline_reason="no_capacity")
    boards = network.dbs["console"][console.UNMET]
    assert [doc["service"] for doc in boards.all()] == ["health.primary"]

    say(network, VISIT, "flag_in_error", by="pa.lead", roles=("coordinator",))

    assert boards.all() == []


def test_a_referral_entered_in_error_takes_nothing_back_that_another_left() -> None:
    network = palermo()
    network.ask(a_recorded_intake())
    say(network, VISIT, "decline", decline_reason="no_capacity")

    say(network, successor_id(VISIT), "mark_error", by="pa.comune")

    assert rows(network) == {("palermo", "health.primary", "no_capacity", False): 1}


def test_the_most_frequent_come_first_and_a_sensitive_service_is_shown_as_on_a_board() -> None:
    sensitive = next(code for code, item in codes.codes("services").items() if item["bus_code"] != code)
    counts = {("palermo", "legal.advice", "", True): 1, ("palermo", sensitive, "no_capacity", False): 3}

    shown = telling.unmet(counts)

    assert [(row["service"], row["count"]) for row in shown] == [(codes.bus_code(sensitive), 3), ("legal.advice", 1)]
    assert shown[1]["reason"] is None
