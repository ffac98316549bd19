"""What agencies read of intake's store, over HTTP and outside of any transaction; and who read."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import ASCENDING, DESCENDING
from pymongo.write_concern import WriteConcern

from contracts.directory import Agency
from contracts.events import IntakeRecorded
from services.chassis.sweep import due_by
from services.chassis.transaction import Doc
from services.intake import store
from services.intake.domain import naming
from services.intake.domain.access import Grant
from services.intake.domain.intake import Intake, Personal
from services.intake.domain.pairs import one_person
from services.intake.domain.release import COORDINATOR, Parties, Read, Voice, is_covered
from services.intake.domain.review import Confirmed, Reviews

LONGEST_PAGE = 500


async def read_text(db: Any, text_id: UUID, now: datetime) -> tuple[Doc, Voice, Parties | None] | None:
    """A text with who wrote it and the parties of its referral, as far as they are known."""
    text = await db.texts.find_one({"_id": str(text_id), "dropped_at": None})
    if text is None:
        return None
    agency = await read_agency(db, text["agency"])
    author = Voice(text["agency"], agency.city if agency else None, COORDINATOR in (text.get("roles") or ()))
    return text, author, await _read_parties(db, text["referral_id"], now)


async def _read_parties(db: Any, referral_id: str, now: datetime) -> Parties | None:
    doc = await db.parties.find_one({"_id": referral_id})
    if doc is None:
        return None
    sender, receiver = [await read_agency(db, doc[side]) for side in ("sender", "receiver")]
    return Parties(
        doc["sender"],
        doc["receiver"],
        doc["state"],
        cities=frozenset(agency.city for agency in (sender, receiver) if agency),
        covered=await _is_covered(db, doc, receiver, now),
    )


async def _is_covered(db: Any, parties: Doc, receiver: Agency | None, now: datetime) -> bool:
    """Of what was kept before with whom a referral lies and not of which meeting it came, its grant says that."""
    of = parties if parties.get("journey_id") else await db.grants.find_one({"_id": parties["_id"]})
    met = await db.intakes.find_one({"_id": of.get("journey_id") or of["intake_id"]}) if of else None
    if met is None:
        return False
    [own] = await _as_now(db, [met["recorded"]])
    names = {own.person_ref, *await read_other_names(db, own.person_ref)}
    return is_covered(own, [one for name in names for one in await read_meetings(db, name)], receiver, now)


async def read_reader(db: Any, code: str, roles: Collection[str], *, works: bool) -> Voice:
    """Whoever only coordinates does so for an agency that works."""
    agency = await read_agency(db, code)
    active = agency is not None and agency.status == "active"
    return Voice(code, agency.city if agency else None, active and COORDINATOR in roles, works)


async def read_intake(db: Any, intake_id: UUID) -> Intake | None:
    """With its sharing bases as they are now."""
    doc = await db.intakes.find_one({"_id": str(intake_id)})
    if doc is None:
        return None
    [recorded] = await _as_now(db, [doc["recorded"]])
    return replace(store.INTAKE.validate_python(doc), recorded=recorded)


async def read_reviews(db: Any, intake_id: UUID) -> tuple[Reviews, tuple[Confirmed, ...]]:
    """Of its vital interests, those that wait to be confirmed, and those that were."""
    doc = await db.sharing.find_one({"_id": str(intake_id)})
    sharing = store.SHARING.validate_python(doc) if doc else None
    return (sharing.reviews, sharing.confirmed) if sharing else ((), ())


async def read_meetings(db: Any, person_ref: str) -> list[IntakeRecorded]:
    """Every intake of one person, by the network's name for them, each with its sharing bases as they are now."""
    found = [doc["recorded"] async for doc in db.intakes.find({"recorded.person_ref": person_ref}, {"recorded": 1})]
    return await _as_now(db, found)


async def read_erased(db: Any, person_ref: str) -> frozenset[UUID]:
    """The meetings of which nothing is kept of who the person is."""
    gone = db.intakes.find({"recorded.person_ref": person_ref, "erased": {"$ne": None}}, {"_id": 1})
    return frozenset([UUID(doc["_id"]) async for doc in gone])


async def _as_now(db: Any, recorded: list[Doc]) -> list[IntakeRecorded]:
    shared = db.sharing.find({"_id": {"$in": [doc["intake_id"] for doc in recorded]}}, {"bases": 1})
    now = {doc["_id"]: {"sharing_basis": doc["bases"]} async for doc in shared}
    return [IntakeRecorded.model_validate(doc | now.get(doc["intake_id"], {})) for doc in recorded]


async def read_grants(db: Any, agency: str | None, intakes: Iterable[UUID]) -> list[Grant]:
    found = db.grants.find({"intake_id": {"$in": [str(id) for id in intakes]}, "agency": agency})
    return [store.GRANT.validate_python(doc) async for doc in found]


async def read_agency(db: Any, code: str | None) -> Agency | None:
    doc = await db.agencies.find_one({"_id": code})
    return Agency.model_validate(doc) if doc else None


async def read_personal(db: Any, intake_id: UUID) -> Personal | None:
    """None once they were erased."""
    doc = await db.personal.find_one({"_id": str(intake_id)})
    return store.as_person(doc) if doc else None


async def read_named(db: Any, agency: str, keys: list[str]) -> list[Personal]:
    """Of those whom the agency met itself, and of those whom it has taken in: who has one of these names by sound."""
    own = db.personal.find({"agency": agency, "keys": {"$in": keys}}).limit(naming.MOST_COMPARED)
    people = {doc["_id"]: doc async for doc in own}
    current = db.grants.find({"agency": agency, "ended": None}, {"intake_id": 1})
    given = [doc["intake_id"] async for doc in current if doc["intake_id"] not in people]
    called = [
        doc["_id"] async for doc in db.personal.find({"_id": {"$in": given}}, {"keys": 1}) if {*keys} & {*doc["keys"]}
    ]
    more = db.personal.find({"_id": {"$in": called[: naming.MOST_COMPARED]}})
    return [store.as_person(doc) for doc in [*people.values(), *[doc async for doc in more]]]


async def read_other_names(db: Any, person_ref: str) -> list[str]:
    """By which other names of the network people decided that this person is known."""
    refs: frozenset[str] = frozenset()
    more = frozenset({person_ref})
    while more != refs:
        refs = more
        more = one_person(
            person_ref, [store.PAIR.validate_python(doc) async for doc in db.pairs.find(store.linked(refs))]
        )
    return sorted(refs - {person_ref})


async def read_ending(db: Any, now: datetime) -> AsyncIterator[tuple[UUID, datetime]]:
    """The intakes of which a basis has run out and it was not yet told: since when."""
    async for doc in db.sharing.find({"ends_at": due_by(now)}, {"ends_at": 1}).sort("ends_at", ASCENDING):
        yield UUID(doc["_id"]), doc["ends_at"]


# -- who read ---------------------------------------------------------------------------------------------------------


async def keep_read(db: Any, *reads: Read) -> None:
    """Returns when the store will not lose them: only then may anything be told."""
    safely = db.get_collection("reads", write_concern=WriteConcern("majority"))
    await safely.insert_many([store.READ.dump_python(read, mode="json") | {"_id": read.id} for read in reads])


async def read_reads(db: Any, wanted: Mapping[str, str | None], before: str | None, limit: int) -> list[Read]:
    """The latest first; wanted: fields with the value they must have, if any."""
    query: Doc = {name: value for name, value in wanted.items() if value is not None}
    if before is not None:
        query["_id"] = {"$lt": before}
    found = db.reads.find(query).sort("_id", DESCENDING).limit(limit)
    return [store.READ.validate_python(doc) async for doc in found]
