"""What people read of referral's store, over HTTP: outside of any transaction, a page at most."""

from collections import Counter
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pymongo import ASCENDING

from contracts.commands import Need
from services.chassis.transaction import Doc
from services.referral import deciding, store
from services.referral.domain.basis import ground_of
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Decision, Search
from services.referral.domain.table import OPEN_STATES
from services.referral.domain.tasks import OPEN, Task
from services.referral.domain.telling import Explanation

LONGEST_PAGE = 500


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


async def read_queue(db: Any, agency: str) -> list[Referral]:
    """The open referrals that an agency was told of, the most pressing first."""
    told = {"$in": [state for state in OPEN_STATES if state != "DRAFT"]}
    query = {"place.agency": agency, "state": told, "seat": {"$ne": "asked"}}
    found = db.referrals.find(query).sort("due_at", ASCENDING).limit(LONGEST_PAGE)
    return [store.REFERRAL.validate_python(doc) async for doc in found]


async def read_unmet(db: Any, city: str | None, since: datetime) -> Counter[tuple[str, str, str, bool]]:
    """How often by city, service, reason and whether it was final. city: None for all."""
    wanted: Doc = {"at": {"$gte": since}} | ({"city": city} if city else {})
    rows = db.unmet.find(wanted, {"_id": 0, "at": 0}, batch_size=1000)
    return Counter([(row["city"], row["service"], row["reason"] or "", row["final"]) async for row in rows])


async def read_city(db: Any, agency: str) -> str | None:
    doc = await db.agencies.find_one({"_id": agency}, {"city": 1})
    return doc["city"] if doc else None


async def read_tasks(db: Any, agency: str) -> list[Task]:
    found = db.tasks.find({"agency": agency, "state": OPEN}).sort("due_at", ASCENDING).limit(LONGEST_PAGE)
    return [store.TASK.validate_python(doc) async for doc in found]


async def read_lying(db: Any, agency: str) -> list[Referral]:
    query = {"place.agency": agency, "state": {"$in": list(OPEN_STATES)}}
    return [store.REFERRAL.validate_python(doc) async for doc in db.referrals.find(query).limit(LONGEST_PAGE)]


async def read_decision(db: Any, search: Search, day: date) -> Decision:
    """What routing would say now."""

    async def find(collection: str, query: Doc, only: tuple[str, ...]) -> list[Doc]:
        return [doc async for doc in db[collection].find(query, only or None)]

    return await deciding.decide(search, day, find)


async def read_need(db: Any, need: Need) -> Need:
    """As it may be shared now."""
    doc = await db.grounds.find_one({"_id": str(need.need_id)})
    return (store.GROUND.validate_python(doc) if doc else ground_of(need)).applied_to(need)
