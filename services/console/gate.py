"""The one gate: whatever a page reads is read here, bound to who asks, and each look at a person is written down.

No other module of the pages touches the store (`tests/rules`): a page that forgets to ask for rights cannot be written.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING, DESCENDING

from services.console.domain import access, actions, national, picture, shown, twins, vital
from services.console.domain.access import Actor, Grant
from services.console.domain.picture import ALWAYS, week_of
from services.console.domain.shown import Case, Met, Page, Pair, Todo
from services.console.glass import Glass, not_excluded
from services.console.hourly import Hourly
from services.console.store import (
    AGENCIES,
    COUNTED,
    LINES,
    MARKS,
    MEETINGS,
    OFFERS,
    PLACES,
    READS,
    REFERRALS,
    TASKS,
    TOLD,
    TWINS,
    UNMET,
    offers_of,
)

Doc = dict[str, Any]

LONGEST = 200
SUMMARY = {"why": 0, "person_ref": 0}
"""What a list of referrals does not show."""
DUE, CODE = {"due_at": 1}, {"code": 1}
NAMED = dict.fromkeys(("name", "city", "status", "contact", "sharing_role", "queues.code", "queues.name"), 1)
"""What pages show of an agency."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What one person may read at this moment."""

    _db: Any
    actor: Actor
    now: datetime
    granted: tuple[Grant, ...]
    clock: Callable[[], datetime]
    glass: frozenset[str] = frozenset()
    hourly: Hourly = field(default_factory=Hourly)

    @property
    def scope(self) -> tuple[object, ...]:
        """What makes two people see the same."""
        actor = self.actor
        return actor.agency, actor.roles, actor.queues, actor.cities, self.glass

    def later(self) -> "Gate":
        """The same person at this moment: what was granted for a time may be over."""
        now = self.clock()
        return replace(self, now=now, granted=access.grants(self.actor, now, self.glass))

    async def open_as(self, relation: str, page: int) -> Page:
        """The open referrals that the person sees as this, by time left. page: counted from 1."""
        grant = next((g for g in self.granted if g.relation == relation), None)
        if grant is None:
            return Page([], 0, 1)
        order = set[tuple[datetime, str]]()
        for wanted in access.open_to(grant):
            order |= {(row["due_at"] or ALWAYS, row["_id"]) async for row in self._db[REFERRALS].find(wanted, DUE)}
        page = max(1, min(page, -(-len(order) // Page.ROWS)))
        ids = [id for _, id in sorted(order)[(page - 1) * Page.ROWS : page * Page.ROWS]]
        return Page(await self._cases({"_id": {"$in": ids}}), len(order), page)

    async def case(self, referral_id: str, *, owed: bool = False) -> Case | None:
        """None for one that is not there and for one that this person may not see: they look the same.

        owed: also what is left of one for which their agency owes a receipt.
        """
        found = await self._cases({"_id": referral_id}, whole=True, owed=owed)
        return found[0] if found else None

    async def owed(self) -> list[Case]:
        """What their agency owes a receipt for; of one that was taken from it, what is left of that."""
        asked = [where for grant in access.debts(self.actor) for where in access.one_by_one(grant.where)]
        found = [case for where in asked for case in await self._cases(where, owed=True)]
        return sorted(found, key=lambda case: str(case.row["code"]))

    async def called(self, code: str) -> list[Case]:
        return await self._cases({"code": picture.code_said(code)}, owed=True)

    async def family(self, case: Case) -> list[Case]:
        """The other referrals of the same intake, as far as this person may see them."""
        found = await self._cases({"journey_id": case.row["journey_id"]})
        return [other for other in found if other.id != case.id]

    async def of_intakes(self, intakes: list[str]) -> list[Case]:
        """What came of these meetings, as far as this person may see it."""
        return await self._cases({"journey_id": {"$in": intakes}})

    async def own_meetings(self, intakes: list[str]) -> frozenset[str]:
        """Which of these meetings the person's desk had itself."""
        return frozenset(await self._refs(intakes))

    async def noted_contacts(self, intake_id: str) -> list[Doc]:
        """Who noted what of how the person of one meeting of the own desk is reached, the earliest first."""
        met = await self._list(self._db[MEETINGS].find({"_id": intake_id}))
        return [said for doc in met if self._met_there(doc) for said in doc.get("contacts", ())]

    async def lines(self, case: Case) -> list[Doc]:
        order = [("version", ASCENDING), ("place", ASCENDING)]
        return await self._list(self._db[LINES].find({"referral_id": case.id}).sort(order))

    async def told(self, case: Case) -> list[Doc]:
        """Which of the queues that this person knows of were told by mail: their own, and both sides' unless they are
        the receiver.
        """
        own = {self.actor.agency}
        if "receiver" not in case.relations or "sender" in case.relations:
            own |= {case.row["sender_agency"], case.row["receiver_agency"]}
        wanted = {"referral_id": case.id, "agency": {"$in": sorted(a for a in own if a)}}
        return await self._list(self._db[TOLD].find(wanted).sort("at", ASCENDING))

    async def tasks(self) -> list[Todo]:
        """What the person's desk, or the cities that they coordinate, have to decide."""
        desks, agencies = access.desks(self.actor), await self.agencies()
        found = dict[str, Todo]()
        for wanted in (*desks, *({"cities": city} for city in self._coordinated)):
            rows = await self._list(self._db[TASKS].find(wanted | {"open": True}).limit(LONGEST))
            rows = rows if wanted in desks else await not_excluded(self._db, self.actor, rows)
            cases = await self._cases({"_id": {"$in": [row["referral_id"] for row in rows if row["referral_id"]]}})
            about, refs = {case.id: case for case in cases}, await self._refs([row["journey_id"] for row in rows])
            found |= {
                row["_id"]: self._todo(row, about.get(row["referral_id"]), refs.get(row["journey_id"]), agencies)
                for row in rows
            }
        return sorted(found.values(), key=lambda todo: (todo.row["due_at"], todo.row["_id"]))

    async def tasks_of(self, intake_id: str) -> list[Todo]:
        """What the person's desk had or has to decide of one meeting of its own."""
        wanted: list[Doc] = [{"journey_id": intake_id} | desk for desk in access.desks(self.actor)]
        rows = [row for w in wanted for row in await self._list(self._db[TASKS].find(w).limit(LONGEST))]
        return [self._todo(row, None, None, {}) for row in sorted(rows, key=lambda row: row["due_at"])]

    async def to_confirm(self, intake_id: str) -> Doc | None:
        """The task that asks the person's desk to have a vital interest of this meeting confirmed, while it is open."""
        todos = await self.tasks_of(intake_id)
        return next((todo.row for todo in todos if todo.row["open"] and todo.row["kind"] == vital.KIND), None)

    async def _refs(self, intakes: list[str]) -> dict[str, str | None]:
        """What the person's own desk calls these meetings, those that it had itself."""
        met = await self._list(self._db[MEETINGS].find({"_id": {"$in": intakes}})) if intakes else []
        return {doc["_id"]: doc["sender_ref"] for doc in met if self._met_there(doc)}

    def _met_there(self, meeting: Doc) -> bool:
        return access.is_of_desk(self.actor, meeting["sender_agency"], meeting.get("sender_queue"))

    def _todo(self, task: Doc, case: Case | None, ref: str | None, agencies: Mapping[str, Doc]) -> Todo:
        owned = [access.corrects(self.actor, task["agency"], city) for city in (None, *task["cities"])]
        code = case.row["code"] if case else picture.code_of(task)
        ours = access.is_of_desk(self.actor, task["agency"], task.get("queue"))
        task |= {"reserved": not ours and shown.is_sensitive(task["service"])} | ({} if ours else {"documents": []})
        opens = case is not None and self._opens(task, case, agencies.get(case.row["sender_agency"], {}))
        corrects, completes = bool(task.get("offer")) and any(owned), access.completes(self.actor, task)
        return Todo(task, case, code, ref, opens, corrects, completes)

    def _opens(self, task: Doc, case: Case, sender: Doc) -> bool:
        """Whether the answer may be that the next agency is asked; what a coordination looks into does not go on so."""
        if "open" not in actions.commands(case.row["state"], case.relations, self.actor.roles):
            return False
        reviewed = "sender" not in case.relations and task["kind"] == access.REVIEW
        return not reviewed and access.asks_onward(case.relations, sender, self.actor)

    async def twins(self) -> list[Pair]:
        """Two people who may be one: to be decided by their desk, or linked and to be undone by it or a coordinator."""
        waiting, same = {"state": {"$in": list(twins.WAITING)}}, {"state": twins.SAME}
        desk = {"sender_agency": self.actor.agency}
        where: list[Doc] = [desk | waiting, desk | same] if self.actor.works else []
        where += [{"cities": city} | same for city in self._coordinated]
        found = [row for w in where for row in await self._ours(self._db[TWINS].find(w).limit(LONGEST))]
        rows = sorted({row["_id"]: row for row in found}.values(), key=lambda row: row["asked_at"], reverse=True)
        return [await self._pair(row) for row in rows]

    async def twins_of(self, intake_id: str) -> list[Pair]:
        """Whom the person of one meeting may be: nothing for a meeting that is not of this person's desk."""
        rows = await self._ours(self._db[TWINS].find({"intake_id": intake_id}).limit(LONGEST))
        shown = [row for row in rows if "sender" in access.relations(self.granted, row)]
        return [await self._pair(row) for row in sorted(shown, key=lambda row: row["asked_at"])]

    async def pair(self, pair_id: str) -> Pair | None:
        rows = await self._ours(self._db[TWINS].find({"_id": pair_id}))
        return await self._pair(rows[0]) if rows else None

    async def met(self, intake_id: str) -> list[Case]:
        """What came of one meeting, as far as this person may see it."""
        return await self._cases({"journey_id": intake_id})

    async def erased_at(self, intake_id: str) -> datetime | None:
        """Since when nothing is kept of who was met at a meeting of the person's own desk."""
        doc = await self._db[MEETINGS].find_one({"_id": intake_id})
        return doc.get("erased_at") if doc and self._met_there(doc) else None

    async def to_erase(self, intake_id: str) -> Met | None:
        """A meeting whose person this supervisor may have erased, with the others of theirs; None for every other."""
        doc = await self._db[MEETINGS].find_one({"_id": intake_id})
        if doc is None or not doc.get("person_ref") or not access.erases(self.actor, doc["sender_agency"]):
            return None
        known = {"sender_agency": doc["sender_agency"], "person_ref": doc["person_ref"]}
        met = [one for one in await self._list(self._db[MEETINGS].find(known)) if not one.get("erased_at")]
        cases = await self._cases({"journey_id": {"$in": [one["_id"] for one in met]}}) if met else []
        standing = [case for case in cases if case.row["open"]]
        return Met(intake_id, doc["person_ref"], doc.get("erased_at"), len(met), standing)

    async def _pair(self, row: Doc) -> Pair:
        own = await self._cases({"journey_id": row["intake_id"]})
        known = await self._cases({"person_ref": {"$in": row["person_refs"]}})
        earlier = [case for case in known if case.row["journey_id"] != row["intake_id"]]
        before = [case for case in earlier if "sender" in case.relations]  # whom others met is not told by a likeness
        as_ = access.relations(self.granted, row)
        row |= {"reserved": "sender" not in as_ and shown.is_sensitive(row["service"])}
        return Pair(row, own, before, twins.choices(row, as_))

    async def has_twins(self) -> bool:
        """Whether anything of the kind is to be decided."""
        if not self.actor.works:
            return False
        wanted = {"sender_agency": self.actor.agency, "state": {"$in": list(twins.WAITING)}}
        return bool(await self._ours(self._db[TWINS].find(wanted).limit(LONGEST)))

    async def search(self, wanted: str) -> list[Case]:
        """By code, or by the reference of the person's own agency, which no other agency's people see."""
        own = self._called(wanted)
        found = await self._cases(own) if self.actor.works else []
        called = await self._cases({"code": picture.code_said(wanted)})
        return list({case.id: case for case in (*called, *found)}.values())

    async def meetings_called(self, wanted: str) -> list[str]:
        """The own desk's meetings by its reference, or by the code of a need that came to nobody and is a task."""
        if not self.actor.works:
            return []
        own = self._db[MEETINGS].find(self._called(wanted)).limit(LONGEST)
        asked = [todo.row["journey_id"] for todo in await self.tasks() if todo.code == picture.code_said(wanted)]
        return [*dict.fromkeys([doc["_id"] for doc in await self._list(own) if self._met_there(doc)] + asked)]

    def _called(self, wanted: str) -> Doc:
        return {"sender_agency": self.actor.agency, "sender_ref": {"$in": picture.reference_said(wanted)}}

    async def city_rows(self, since: datetime) -> list[Doc]:
        """What a city's board counts: no person, no id of one."""
        return await self._counted(self._coordinated, since)

    async def city_unmet(self, since: datetime) -> list[Doc]:
        found: dict[str, Doc] = {}
        for city in self._coordinated:
            wanted = {"cities": city, "at": {"$gte": since}}
            found |= {doc["_id"]: doc async for doc in self._db[UNMET].find(wanted, {"service": 1, "reason": 1})}
        return list(found.values())

    @property
    def _coordinated(self) -> list[str]:
        """The cities that the person coordinates; each is asked for by itself, as an index finds it."""
        return sorted(self.actor.cities) if access.COORDINATOR in self.actor.roles else []

    async def numbers(self) -> national.Numbers:
        """What the national desk is told of all cities, as of the last full hour: counts, made here so that no row of
        anybody leaves the gate.
        """
        if access.NATIONAL not in self.actor.roles:
            return national.numbers([], [])
        until = national.last_hour(self.now)
        return await self.hourly.of(until, partial(self._numbers, until - national.SPAN, until))

    async def _numbers(self, since: datetime, until: datetime) -> national.Numbers:
        cities = {code: doc["city"] for code, doc in (await self.agencies()).items()}
        rows = await self._counted(set(cities.values()), since)
        fields = dict.fromkeys(("cities", "service", "reason"), 1)
        missed = await self._list(self._db[UNMET].find({"at": {"$gte": since, "$lt": until}}, fields | {"_id": 0}))
        return national.numbers(national.needs_of(rows, cities, until), map(national.unmet_of, missed))

    async def watched(self) -> frozenset[str]:
        """The agencies whose work the person's lists show."""
        of_cities = {"city": {"$in": self._coordinated}}
        there = {doc["_id"] async for doc in self._db[AGENCIES].find(of_cities, {"_id": 1})}
        return frozenset(there | ({str(self.actor.agency)} if self.actor.works else set()))

    # -- what is no secret ---------------------------------------------------------------------------------------------
    async def agencies(self) -> dict[str, Doc]:
        return {doc["_id"]: doc async for doc in self._db[AGENCIES].find({}, NAMED)}

    async def offers(self, service: str = "") -> list[Doc]:
        """Those of a service, or all."""
        found = self._db[OFFERS].find({"service": service} if service else {})
        return await self._list(found.sort([("agency", ASCENDING), ("_id", ASCENDING)]))

    async def marks_of_offers(self, city: str) -> frozenset[str]:
        """By which marks a page knows that the directory of a city, or a free place there, has changed."""
        return frozenset(offers_of(code) for code, doc in (await self.agencies()).items() if city in ("", doc["city"]))

    async def free(self) -> dict[str, int]:
        """How many places are free, by offer, where they are counted."""
        return {doc["_id"]: doc["free"] async for doc in self._db[PLACES].find({})}

    async def offer(self, code: str | None) -> Doc | None:
        found: Doc | None = await self._db[OFFERS].find_one({"_id": code}) if code else None
        return found

    async def correctable(self, code: str) -> Doc | None:
        """An offer of which this person may put right what the directory says; None for every other."""
        offer = await self.offer(code)
        owner = await self._db[AGENCIES].find_one({"_id": offer["agency"]}, NAMED) if offer else None
        return offer if offer and owner and access.corrects(self.actor, owner["_id"], owner["city"]) else None

    # -- broken glass, and who looked ----------------------------------------------------------------------------------
    @property
    def glasses(self) -> Glass:
        return Glass(self._db, self.actor, self.now)

    async def note_read(self, case: Case, what: str) -> None:
        """Written before anything is shown."""
        await self._note(what, case.id, sorted(case.relations))

    async def note_name(self, intake_id: str) -> None:
        """That somebody was found by name of whom there is no referral."""
        await self._note("name", intake_id, ["sender"])

    async def note_list(self, which: str, cases: Iterable[Case]) -> None:
        """That a list showed facts of these people, and shows those of whoever comes while its page stays open."""
        if rows := [case.id for case in cases if case.row["person"]]:
            await self._note(which, rows, [])

    async def _note(self, what: str, row: str | list[str], seen_as: list[str]) -> None:
        who = {"subject": self.actor.subject, "name": self.actor.name, "agency": self.actor.agency, "as": seen_as}
        await self._db[READS].insert_one({"_id": uuid4().hex, "at": self.now, "what": what, "row": row} | who)

    async def reads(self, code: str = "") -> list[Doc]:
        """Who looked at whom, the latest first: for auditors. code: of the one referral that is asked about.

        Each with `codes`, what people call the referrals that were shown.
        """
        if access.AUDITOR not in self.actor.roles:
            return []
        called = self._db[REFERRALS].find({"code": picture.code_said(code)}, {"_id": 1}) if code else None
        wanted = {"row": {"$in": [doc["_id"] for doc in await self._list(called)]}} if called else {}
        found = await self._list(self._db[READS].find(wanted).sort("at", DESCENDING).limit(LONGEST))
        rows = {read["_id"]: [read["row"]] if isinstance(read["row"], str) else read["row"] for read in found}
        shown = self._db[REFERRALS].find({"_id": {"$in": sorted({i for ids in rows.values() for i in ids})}}, CODE)
        codes = {doc["_id"]: doc["code"] for doc in await self._list(shown)} if found else {}
        return [read | {"codes": [codes.get(i, i) for i in rows[read["_id"]]]} for read in found]

    async def marks(self, agencies: list[str]) -> dict[str, int]:
        return await marks(self._db, agencies)

    # -- within ----------------------------------------------------------------------------------------------------
    async def _cases(self, wanted: Doc, *, whole: bool = False, owed: bool = False) -> list[Case]:
        """wanted: what an index finds. Of that, what this person may see; nothing else leaves this function."""
        granted = (*self.granted, *access.debts(self.actor)) if owed else self.granted
        rows = await self._list(self._db[REFERRALS].find(wanted, None if whole else SUMMARY).limit(LONGEST))
        rows.sort(key=lambda row: row["due_at"] or ALWAYS)
        return [Case(shown.as_seen(row, as_), as_) for row, as_ in await self._seen(rows, granted)]

    async def _seen(
        self, rows: list[Doc], granted: tuple[Grant, ...], meeting: str = "journey_id"
    ) -> list[tuple[Doc, frozenset[str]]]:
        """Those that this person may see, and as what. Who is of an agency that somebody excluded coordinates nothing
        of theirs, and reads no more what it received once that has ended; what is open is revoked.
        """
        seen = [(row, access.relations(granted, row)) for row in rows]
        asked = [row for row, as_ in seen if access.COORDINATOR in as_ or ("receiver" in as_ and not row["open"])]
        kept = {row["_id"] for row in await not_excluded(self._db, self.actor, asked, meeting)}
        gone = {row["_id"]: access.lost(row) for row in asked if row["_id"] not in kept}
        return [(row, left) for row, as_ in seen if (left := as_ - gone.get(row["_id"], frozenset()))]

    async def _counted(self, cities: Iterable[str], since: datetime) -> list[Doc]:
        """What was counted of the referrals sent since then, by an agency of one of these cities or to one."""
        found: dict[str, Doc] = {}
        for city in cities:
            async for tally in self._db[COUNTED].find({"city": city, "week": {"$gte": week_of(since)}}):
                found |= tally["of"]
        return [row for row in found.values() if row["sent_at"] >= since]

    async def _ours(self, cursor: AsyncIterator[Doc]) -> list[Doc]:
        """Of rows of pairs, those that this person may see as something."""
        return [row for row, _ in await self._seen(await self._list(cursor), self.granted, "intake_id")]

    async def _list(self, cursor: AsyncIterator[Doc]) -> list[Doc]:
        return [doc async for doc in cursor]


async def opened(db: Any, actor: Actor, clock: Callable[[], datetime], hourly: Hourly | None = None) -> Gate:
    """hourly: where the numbers of the network are kept for the hour."""
    now = clock()
    glass = frozenset({doc["row"] for doc in await Glass(db, actor, now).still_open()})
    return Gate(db, actor, now, access.grants(actor, now, glass), clock, glass, hourly or Hourly())


async def marks(db: Any, agencies: list[str]) -> dict[str, int]:
    """Where each agency's work stands: a number that changes with whatever its pages show."""
    found = dict.fromkeys(agencies, 0)
    async for doc in db[MARKS].find({"agency": {"$in": agencies}}):
        found[doc["agency"]] += doc["at"] + 1
    return found


async def has_a_part(db: Any, actor: Actor) -> bool:
    """Whether whoever the provider knows has a role in this network, and is of an agency of it if of any."""
    known = actor.agency is None or await db[AGENCIES].find_one({"_id": actor.agency}, {"_id": 1})
    return bool(actor.roles and known)
