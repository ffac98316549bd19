"""Routing over this service's own copy of the directory: the facts of the offers that a need could go to."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import date
from typing import Any

from contracts.commands import Need
from contracts.directory import Agency, Offer
from services.referral.domain import routing, rules
from services.referral.domain.candidates import candidates
from services.referral.domain.routing import Decision, Search

Doc = dict[str, Any]
Find = Callable[[str, Doc, tuple[str, ...]], Awaitable[list[Doc]]]
"""The documents of a collection that a query finds, with these fields only if any are named."""

NOT_JUDGED: dict[str, None] = {"sender_ref": None, "priority_reason": None}
"""What a need carries for its receiver, in words that people wrote: no rule reads it, so no decision keeps it."""


async def decide(search: Search, day: date, find: Find) -> Decision:
    """By the rule set that is in force where the person is."""
    rule_set = rules.in_force(search.need.city_of_presence)
    offers = await _offers(search.need, find)
    agencies = await _agencies((offer.agency for offer in offers), find)
    waiting = await _waiting(agencies, find) if rule_set.counts_waiting else None
    return routing.route(search, candidates(offers, agencies, waiting), day, rule_set)


def as_judged(need: Need) -> Need:
    return need.model_copy(update=NOT_JUDGED)


async def _offers(need: Need, find: Find) -> list[Offer]:
    return [Offer.model_validate(doc) for doc in await find("offers", {"service": need.service}, ())]


async def _agencies(codes: Iterable[str], find: Find) -> dict[str, Agency]:
    found = await find("agencies", {"_id": {"$in": sorted(set(codes))}}, ())
    return {doc["_id"]: Agency.model_validate(doc) for doc in found}


async def _waiting(agencies: Iterable[str], find: Find) -> Counter[str]:
    """By queue: the referrals at these agencies that nobody there has decided yet, as the last batch left them."""
    undecided = {"place.agency": {"$in": sorted(agencies)}, "state": {"$in": list(rules.WAITING_STATES)}}
    return Counter(doc["place"]["queue"] for doc in await find("referrals", undecided, ("place.queue",)))
