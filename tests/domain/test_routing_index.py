"""Routing reads only the offers that could serve a need, by index, and decides as if it had read all."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo import IndexModel

from contracts import codes
from contracts.directory import Agency, AreaServed, Offer
from services.referral import deciding, store
from services.referral.domain.candidates import all_of, candidates
from services.referral.domain.routing import Decision, Search, route
from services.referral.domain.rules import RULE_SETS
from tests.builders import NETWORK_1, TODAY, a_need, an_agency, an_offer
from tests.domain.test_routing_replay import AGENCIES, agencies, mostly, needs, offers
from tests.offline import Offline

Doc = dict[str, Any]
FAR = AreaServed(cities=("torino",))


def decided(network: Offline, search: Search) -> tuple[Decision, list[tuple[str, Doc, list[Doc]]]]:
    """With every query that was asked for it, and what it found."""
    asked: list[tuple[str, Doc, list[Doc]]] = []

    async def find(collection: str, query: Doc, only: tuple[str, ...]) -> list[Doc]:
        found = [doc async for doc in network.db[collection].find(query, only)]
        asked.append((collection, query, found))
        return found

    return asyncio.run(deciding.decide(search, TODAY, find)), asked


def searches() -> st.SearchStrategy[Search]:
    tried = mostly((), AGENCIES[:1])
    return st.builds(Search, needs(), mostly(0, 1), tried, st.sampled_from([None, None, "to.c"]))


@settings(max_examples=50, deadline=None)
@given(offers(), agencies(), searches())
def test_what_is_read_by_index_comes_to_the_same_decision_as_the_whole_directory(
    listed: list[Offer], known: dict[str, Agency], search: Search
) -> None:
    network = Offline(tuple(known.values()), tuple(listed))

    by_index, _ = decided(network, search)

    assert by_index == route(search, candidates(listed, known), TODAY, NETWORK_1)


@settings(max_examples=30, deadline=None)
@given(offers(), searches(), st.sampled_from([*RULE_SETS]))
def test_every_query_that_routing_asks_is_answered_by_an_index(
    listed: list[Offer], search: Search, rule_set: str
) -> None:
    network = Offline((an_agency("pa.a"),), tuple(listed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(codes.table("routing")["in_force"], "network", rule_set)
        _, asked = decided(network, search)

    assert asked
    for collection, query, _ in asked:
        fields = tuple(query)
        known = [tuple(index.document["key"]) for index in _indexes(collection)]
        assert fields == ("_id",) or fields in [names[: len(fields)] for names in known], f"{collection}: {fields}"


def _indexes(collection: str) -> list[IndexModel]:
    return store.INDEXES.get(collection, [])


def test_of_a_service_elsewhere_nothing_is_read() -> None:
    far = [an_offer(f"to.a.o{n}", area_served=FAR) for n in range(5)]
    network = Offline((an_agency("pa.accura"), an_agency("to.a", city="torino")), (an_offer(), *far))

    decision, asked = decided(network, Search(a_need()))

    read = [doc["_id"] for _, _, found in asked for doc in found]
    assert (decision.out_by_area, read) == (5, ["pa.accura.primary", "offers/health.primary", "pa.accura"])


def test_of_an_offer_that_is_named_nothing_but_itself_and_its_agency_is_read_wherever_it_is() -> None:
    network = Offline((an_agency("pa.accura"), an_agency("to.a")), (an_offer(), an_offer("to.a.x", area_served=FAR)))

    decision, asked = decided(network, Search(a_need(named_offer="to.a.x")))

    read = [doc["_id"] for _, _, found in asked for doc in found]
    assert (decision.first, decision.out_by_area, read) == (None, 1, ["to.a.x", "to.a"])


# -- how many there are elsewhere --------------------------------------------------------------------------------------


def elsewhere(network: Offline, service: str = "health.primary") -> int:
    return decided(network, Search(a_need(service)))[0].out_by_area


def test_an_offer_that_is_told_again_or_closed_is_counted_once() -> None:
    network = Offline((an_agency("to.a"),), (an_offer("to.a.x", area_served=FAR),))

    network.ask(an_offer("to.a.x", area_served=FAR, status="closed", version=2))

    assert elsewhere(network) == 1


def test_an_offer_that_becomes_one_of_another_service_is_counted_there() -> None:
    network = Offline((an_agency("to.a"),), (an_offer("to.a.x", area_served=FAR), an_offer("to.a.y", area_served=FAR)))

    network.ask(an_offer("to.a.x", service="lab.it", area_served=FAR, version=2))

    assert (elsewhere(network), elsewhere(network, "lab.it")) == (1, 1)


def test_a_store_that_was_filled_before_offers_were_counted_says_none_rather_than_less() -> None:
    network = Offline((an_agency("pa.accura"),), (an_offer(),))
    del network.db["agencies"].docs[all_of("health.primary")]

    decision, _ = decided(network, Search(a_need()))

    assert (decision.out_by_area, decision.first is not None) == (0, True)
