"""What people read of referral's store, over HTTP: outside of any transaction, a page at most."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from contracts.commands import Need
from contracts.directory import Agency
from services.chassis.transaction import Doc
from services.referral import deciding, store
from services.referral.domain import sharing, vital
from services.referral.domain.basis import ground_of
from services.referral.domain.owing import UNDER_WAY, Kept, Lying
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Decision, Search
from services.referral.domain.table import OPEN_STATES, owner_of
from services.referral.domain.tasks import OPEN
from services.referral.domain.telling import Explanation
from services.referral.paging import LONGEST_PAGE, After, Page, page

AT_ONCE = 100
"""Of so many journeys the referrals, tasks and links are asked for together."""
LYING = {"state": 1, "successor_id": 1, "due_at": 1, "need.sender_queue": 1, "place.queue": 1}
"""What is read of a referral to see who owes an answer."""


async def read_referral(db: Any, referral_id: UUID) -> Referral | None:
    doc = await db.referrals.find_one({"_id": str(referral_id)})
    return store.REFERRAL.validate_python(doc) if doc else None


async def read_explanation(db: Any, referral_id: UUID) -> Explanation | None:
    doc = await db.decisions.find_one({"_id": str(referral_id)})
    return store.EXPLANATION.validate_python(doc) if doc else None


async def read_named(db: Any, code: str) -> list[Referral | Explanation]:
    """What people call by this code: a referral, a need for which nobody was found, and rarely more than one."""
    referrals = db.referrals.find({"code": code}).limit(LONGEST_PAGE)
    decisions = db.decisions.find({"code": code}).limit(LONGEST_PAGE)
    return [store.REFERRAL.validate_python(doc) async for doc in referrals] + [
        store.EXPLANATION.validate_python(doc) async for doc in decisions
    ]


async def read_queue(db: Any, agency: str, after: After | None) -> Page:
    """The open referrals that an agency was told of, the most pressing first."""
    told = {"$in": [state for state in OPEN_STATES if state != "DRAFT"]}
    return await page(db.referrals, {"place.agency": agency, "state": told, "seat": {"$ne": "asked"}}, after)


async def read_unmet(db: Any, city: str | None, since: datetime) -> Counter[tuple[str, str, str, bool]]:
    """How often by city, service, reason and whether it was final. city: None for all."""
    wanted: Doc = {"at": {"$gte": since}} | ({"city": city} if city else {})
    rows = db.unmet.find(wanted, {"_id": 0, "at": 0}, batch_size=1000)
    return Counter([(row["city"], row["service"], row["reason"] or "", row["final"]) async for row in rows])


async def read_city(db: Any, agency: str | None, *, active: bool = False) -> str | None:
    """active: only of one that works."""
    doc = await db.agencies.find_one({"_id": agency}, {"city": 1, "status": 1})
    return doc["city"] if doc and (doc["status"] == "active" or not active) else None


async def read_tasks(db: Any, agency: str, after: After | None) -> Page:
    return await page(db.tasks, {"agency": agency, "state": OPEN}, after)


async def read_lying(db: Any, agency: str, after: After | None) -> Page:
    return await page(db.referrals, {"place.agency": agency, "state": {"$in": list(OPEN_STATES)}}, after)


async def read_decision(db: Any, search: Search, day: date) -> Decision:
    """What routing would say now."""

    async def find(collection: str, query: Doc, only: tuple[str, ...]) -> list[Doc]:
        return [doc async for doc in db[collection].find(query, only or None)]

    return await deciding.decide(search, day, find)


async def read_need(db: Any, need: Need) -> Need:
    """As it may be shared now."""
    doc = await db.grounds.find_one({"_id": str(need.need_id)})
    return (store.GROUND.validate_python(doc) if doc else ground_of(need)).applied_to(need)


async def is_excluded(db: Any, referral: Referral, agency: str | None) -> bool:
    """Whether the person excludes this agency now."""
    doc = await db.agencies.find_one({"_id": agency}) if agency else None
    return doc is not None and sharing.is_withheld(await read_need(db, referral.need), Agency.model_validate(doc))


# -- who owes the answer to a need -------------------------------------------------------------------------------------


async def read_under_way(db: Any) -> AsyncIterator[Kept]:
    """What is kept of the journeys with a need under way, some at a time: as much work as there are of them."""
    found = db.journeys.find({"needs.state": {"$in": list(UNDER_WAY)}}, {"needs": 1}, batch_size=AT_ONCE)
    some: list[Doc] = []
    async for doc in found:
        some.append(doc)
        if len(some) == AT_ONCE:
            yield await _kept_of(db, some)
            some = []
    if some:
        yield await _kept_of(db, some)


async def _kept_of(db: Any, journeys: list[Doc]) -> Kept:
    ids = [doc["_id"] for doc in journeys]
    referrals, ends = await _chains(db, [need["need_id"] for doc in journeys for need in doc["needs"]])
    decisions = db.decisions.find({"_id": {"$in": ends}}, {"linked_id": 1})
    linked = await _leaning(db, [need["need_id"] for doc in journeys for need in doc["needs"]])
    linked |= {doc["_id"]: doc["linked_id"] async for doc in decisions if doc["linked_id"]}
    referrals += [doc async for doc in db.referrals.find({"_id": {"$in": list(linked.values())}}, LYING)]
    tasks = db.tasks.find({"journey_id": {"$in": ids}, "state": OPEN}, {"referral_id": 1, "due_at": 1, "kind": 1})
    about = [doc async for doc in tasks if doc["kind"] != vital.KIND]  # that one answers no need
    needs = tuple(store.WANTED.validate_python(need) for doc in journeys for need in doc["needs"])
    tasked = {doc["referral_id"] for doc in about if doc["referral_id"] and doc["due_at"]}
    return Kept(needs, {doc["_id"]: _lying(doc) for doc in referrals}, tasked, linked)


async def _leaning(db: Any, needs: list[str]) -> dict[str, str]:
    """By need: on which open referral it leans."""
    links = db.links.find({"leaning.need_id": {"$in": needs}}, {"referral_id": 1, "leaning.need_id": 1})
    return {told["need_id"]: doc["referral_id"] async for doc in links for told in doc["leaning"]}


async def _chains(db: Any, first: list[str]) -> tuple[list[Doc], list[str]]:
    """The referrals of needs from the first of each on; and the ends of the chains, opened or not."""
    referrals, ends, next_ids = list[Doc](), list[str](), first
    while next_ids:
        found = {doc["_id"]: doc async for doc in db.referrals.find({"_id": {"$in": next_ids}}, LYING)}
        referrals += found.values()
        ends += [id for id in next_ids if id not in found or not found[id]["successor_id"]]
        next_ids = [doc["successor_id"] for doc in found.values() if doc["successor_id"]]
    return referrals, ends


def _lying(doc: Doc) -> Lying:
    queues = {"sender": doc["need"]["sender_queue"], "receiver": (doc.get("place") or {}).get("queue")}
    return Lying(doc["state"], queues.get(owner_of(doc["state"]) or ""), doc["due_at"], doc["successor_id"])
