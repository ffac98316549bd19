"""Unmet need, counted by city, service and reason: for those who coordinate, and without anything of a person."""

from collections import Counter

from contracts import codes
from services.referral.domain import telling
from services.referral.domain.referral import successor_id
from tests.builders import a_recorded_intake, an_offer
from tests.domain.test_journey import VISIT, palermo, say
from tests.offline import Offline


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


def test_the_most_frequent_come_first_and_a_sensitive_service_is_shown_as_on_a_board() -> None:
    sensitive = next(code for code, item in codes.codes("services").items() if item["bus_code"] != code)
    counts = {("palermo", "legal.advice", "", True): 1, ("palermo", sensitive, "no_capacity", False): 3}

    shown = telling.unmet(counts)

    assert [(row["service"], row["count"]) for row in shown] == [(codes.bus_code(sensitive), 3), ("legal.advice", 1)]
    assert shown[1]["reason"] is None
