"""Broken glass: one referral of the own city opened for four hours, and who is told of it and has seen that."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo import DESCENDING

from services.console.domain import access
from services.console.domain.access import Actor
from services.console.domain.picture import code_said
from services.console.store import AGENCIES, GLASS, MARKS, MEETINGS, REFERRALS, SEEN

Doc = dict[str, Any]

BROKEN_FOR = timedelta(hours=4)
LONGEST = 200
EVERY = "broken"
"""Where it is counted how often glass was broken; of one agency's referrals at the same name with the agency's code."""


@dataclass(frozen=True, slots=True)
class Glass:
    """What one person may break at this moment, and what they are told that others broke."""

    _db: Any
    actor: Actor
    now: datetime

    async def break_for(self, case_code: str, reason: str) -> str | None:
        """Open one referral of the person's own city to them for four hours; None where there is none to be opened,
        where who is referred excluded their agency, and where that is suspended or has left.
        """
        agency = await self._db[AGENCIES].find_one({"_id": self.actor.agency}) if self.actor.works else None
        if agency and not access.is_active(agency):
            return None
        cities = {*self.actor.cities, *([agency["city"]] if agency else [])}
        called = [doc async for doc in self._db[REFERRALS].find({"code": code_said(case_code)})]
        called = await not_excluded(self._db, self.actor, called)
        row = next((row for row in called if cities & set(row["cities"])), None)
        if row is None:
            return None
        known = {"_id": uuid4().hex, "subject": self.actor.subject, "name": self.actor.name, "row": row["_id"]}
        known |= {"journey_id": row["journey_id"]}
        ends = {"at": self.now, "ends_at": self.now + BROKEN_FOR, "agency": self.actor.agency, "reason": reason}
        owners = sorted({a for a in (row["sender_agency"], row["receiver_agency"]) if a})
        told = (EVERY, *(f"{EVERY}/{owner}" for owner in owners))
        for name in told:
            await self._db[SEEN].update_one({"_id": name}, {"$inc": {"count": 1}}, upsert=True)
        await self._db[GLASS].insert_one(known | ends | {"owners": owners, "code": row["code"]})
        for name in told:
            moved = {"$set": {"agency": name}, "$inc": {"at": 1}}
            await self._db[MARKS].update_one({"_id": name}, moved, upsert=True)
        return str(row["_id"])

    async def broken(self) -> list[Doc]:
        """Whose glass was broken, the latest first: for the owner of the referral, its agency, and for auditors."""
        if not self._is_told:
            return []
        wanted = {} if access.AUDITOR in self.actor.roles else {"owners": self.actor.agency}
        return [doc async for doc in self._db[GLASS].find(wanted).sort("at", DESCENDING).limit(LONGEST)]

    async def still_open(self) -> list[Doc]:
        """What this person broke the glass of and still sees, and until when; an exclusion that comes later ends it,
        and so does the suspension of their agency.
        """
        wanted = {"subject": self.actor.subject, "ends_at": {"$gt": self.now}}
        found = [doc async for doc in self._db[GLASS].find(wanted)]
        agency = await self._db[AGENCIES].find_one({"_id": self.actor.agency}) if found else None
        if agency and not access.is_active(agency):
            return []
        return await not_excluded(self._db, self.actor, found)

    async def unseen(self) -> int:
        """How often glass was broken since this person last looked who had done so, as far as they are told of it."""
        counted, seen = await self._counts()
        return counted - seen

    async def see(self) -> None:
        """The person looks who has broken it: before the list is read, so that what comes meanwhile stays unseen."""
        counted, seen = await self._counts()
        if counted > seen:
            change = {"$set": {"count": counted}}
            await self._db[SEEN].update_one({"_id": self._seen_at}, change, upsert=True)

    async def _counts(self) -> tuple[int, int]:
        """How often it was broken of what concerns this person, and how much of that they have seen."""
        if not self._is_told:
            return 0, 0
        ids = [self.mark, self._seen_at]
        found = {doc["_id"]: doc["count"] async for doc in self._db[SEEN].find({"_id": {"$in": ids}})}
        return found.get(ids[0], 0), found.get(ids[1], 0)

    @property
    def _is_told(self) -> bool:
        return self.actor.works or access.AUDITOR in self.actor.roles

    @property
    def mark(self) -> str:
        """The name at which it is counted, and marked, whose glass was broken as far as this person is told of it."""
        return EVERY if access.AUDITOR in self.actor.roles else f"{EVERY}/{self.actor.agency}"

    @property
    def _seen_at(self) -> str:
        return f"seen/{self.mark}/{self.actor.subject}"


async def not_excluded(db: Any, actor: Actor, rows: list[Doc], meeting: str = "journey_id") -> list[Doc]:
    """Those of people who did not exclude the actor's agency. meeting: the field of the rows that names theirs."""
    agency = await db[AGENCIES].find_one({"_id": actor.agency}) if rows and actor.agency else None
    if agency is None:
        return rows
    met = db[MEETINGS].find({"_id": {"$in": [row.get(meeting) for row in rows]}}, {"excluded": 1})
    excluding = {doc["_id"] async for doc in met if access.is_excluded(agency, doc.get("excluded", ()))}
    return [row for row in rows if row.get(meeting) not in excluding]
