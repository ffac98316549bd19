"""Routing over this service's own copy of the directory: the facts of the offers that a need could go to, by index."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from contracts.commands import Need
from contracts.directory import Agency, Offer
from services.referral.domain import routing, rules
from services.referral.domain.candidates import all_of, candidates
from services.referral.domain.routing import Decision, Search

Doc = dict[str, Any]
Find = Callable[[str, Doc, tuple[str, ...]], Awaitable[list[Doc]]]
"""The documents of a collection that a query finds, with these fields only if any are named."""

NOT_JUDGED: dict[str, None] = {"sender_ref": None, "priority_reason": None, "age_band_until": None}
"""What a need carries for its receiver, in words that people wrote, or tells of a birthday: no decision keeps it."""


async def decide(search: Search, day: date, find: Find) -> Decision:
    """By the rule set that is in force where the person is."""
    search = replace(search, need=as_judged(search.need, day))
    rule_set = rules.in_force(search.need.city_of_presence)
    offers = await _offers(search, find)
    everywhere = {all_of(search.need.service)} if search.asks_all else set[str]()
    agencies, counted = await _agencies({offer.agency for offer in offers} | everywhere, find)
    waiting = await _waiting(agencies, find) if rule_set.counts_waiting else None
    return routing.route(search, candidates(offers, agencies, waiting), day, rule_set, max(0, counted - len(offers)))


def as_judged(need: Need, day: date) -> Need:
    """How much older than their band somebody may be on this day is kept with the decision, and not since when."""
    until = need.age_band_until
    older_by = 1 + _whole_years(until, day) if until and until <= day else 0
    return need.model_copy(update=NOT_JUDGED | {"older_by": older_by})


def _whole_years(since: date, day: date) -> int:
    return day.year - since.year - ((day.month, day.day) < (since.month, since.day))


async def _offers(search: Search, find: Find) -> list[Offer]:
    """All that could serve the need; each query by an index, and nothing of the service elsewhere is read."""
    of_service: Doc = {"service": search.need.service}
    if named := search.named_offer:
        queries: list[Doc] = [{"_id": named}]
    elif search.next_agency:
        queries = [of_service | {"agency": search.next_agency}]
    else:
        queries = [of_service | {"area_served.cities": search.need.city_of_presence}]
        if search.need.willing_to_travel:
            there = await find("agencies", {"city": {"$in": sorted(search.need.willing_to_travel)}}, ("_id",))
            queries.append(of_service | {"agency": {"$in": sorted(doc["_id"] for doc in there)}})
    found = {doc["_id"]: doc for query in queries for doc in await find("offers", query, ())}
    return [Offer.model_validate(doc) for doc in found.values()]


async def _agencies(codes: Iterable[str], find: Find) -> tuple[dict[str, Agency], int]:
    """Also the number that is kept among them, if its name is one of these: both are asked for at once."""
    found = await find("agencies", {"_id": {"$in": sorted(codes)}}, ())
    counted = sum(doc["offers"] for doc in found if "offers" in doc)
    return {doc["_id"]: Agency.model_validate(doc) for doc in found if "offers" not in doc}, counted


async def _waiting(agencies: Iterable[str], find: Find) -> Counter[str]:
    """By queue: the referrals at these agencies that nobody there has decided yet, as the last batch left them."""
    undecided = {"place.agency": {"$in": sorted(agencies)}, "state": {"$in": list(rules.WAITING_STATES)}}
    return Counter(doc["place"]["queue"] for doc in await find("referrals", undecided, ("place.queue",)))
