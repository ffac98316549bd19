"""What agencies may read: an intake of their own, and who a person is whom they took in; and who read that."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from contracts import codes
from contracts.contacts import WhyNot
from contracts.erasure import PERSON_ERASED
from contracts.events import IntakeRecorded
from contracts.stated import BirthDate, Contact, PersonName, Tier1, Tier2
from services.chassis.sweep import edge_now
from services.http import bodies
from services.http.openapi import posted, problems
from services.http.tokens import Speaker, speaker
from services.intake import reading
from services.intake.domain import contacts, naming, spelling
from services.intake.domain.intake import Personal
from services.intake.domain.pseudonym import is_pseudonym
from services.intake.domain.release import Read, Verdict, judge, may_read_text
from services.intake.domain.review import Confirmed

router = APIRouter(prefix="/v1", tags=["intakes"], responses=problems(401, 404, 422, 503))

AUDITING = frozenset({"auditor", "ops"})
Who = Annotated[Speaker, Depends(speaker)]
Told = tuple[tuple[str, ...], str | None]


class Review(BaseModel):
    """Vital interests that a second person has to confirm. by: who stated one of them, as far as is known."""

    basis_ids: tuple[str, ...]
    due_at: datetime
    by: tuple[str, ...]
    reason: str | None


class RecordedIntake(IntakeRecorded):
    """flags: codes of `rejection_codes.json` with which the intake was taken. reviews: those that wait; confirmed: what
    a second person has confirmed. erased_at: when all was erased that was kept of who the person is.
    """

    age_band_until: date | None = Field(default=None, exclude=True)
    flags: tuple[str, ...]
    reviews: tuple[Review, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()
    erased_at: datetime | None = None


class KnownContact(BaseModel):
    """A way to reach the person, by its number; one with `not_to_be_used` is not to be used.

    noted_by: the agency, where it is the reader's own or had the meeting. noted_at: None for what was stated there.
    """

    number: int
    contact: Contact
    noted_by: str | None = None
    noted_at: datetime | None = None
    not_to_be_used: WhyNot | None = None
    not_to_be_used_by: str | None = None
    not_to_be_used_since: datetime | None = None


class Person(BaseModel):
    """Who a person is, as was stated at one meeting: the tiers that the sharing basis covers, and no other.

    contacts: all that are known by now, with tier 1.
    """

    person_ref: str
    referral_id: UUID
    intake_id: UUID
    tier1: Tier1 | None = None
    tier2: Tier2 | None = None
    contacts: tuple[KnownContact, ...] | None = None


class AskedName(BaseModel, extra="forbid"):
    """One name or several, in any order."""

    name: Annotated[str, Field(min_length=1, max_length=100)]


class FoundPerson(BaseModel):
    """Who was so named at one meeting. referral_id: by which the agency may know, where the meeting was not its own."""

    person_ref: str
    intake_id: UUID
    referral_id: UUID | None
    name: PersonName | None
    birth_date: BirthDate | None


class FoundPeople(BaseModel):
    """The closest first, and so many at most: whoever is not among them is asked for by more names."""

    entries: list[FoundPerson]


class Text(BaseModel):
    """What one of the two agencies of a referral wrote to the other."""

    text_id: UUID
    referral_id: str
    agency: str
    text: str


class Reads(BaseModel):
    """next: what to give as `before` to see older ones; None at the end."""

    entries: list[Read]
    next: str | None


@router.get("/intakes/{intake_id}")
async def get_intake(request: Request, intake_id: UUID, who: Who) -> RecordedIntake:
    """Tier 0 with the network's pseudonym, and the sharing bases as they are now; no name, no identifier.

    Another agency's looks like none at all.
    """
    found = await reading.read_intake(_db(request), intake_id)
    if found is None or not who.works or who.agency != found.recorded.sender_agency:
        raise HTTPException(404)
    waiting, confirmed = await reading.read_reviews(_db(request), intake_id)
    reviews = tuple(Review(basis_ids=r.basis_ids, due_at=r.until, by=r.by, reason=r.reason) for r in waiting)
    known = {"flags": found.answer.flags, "erased_at": found.erased.at if found.erased else None}
    return RecordedIntake(**found.recorded.model_dump(), **known, reviews=reviews, confirmed=confirmed)


@router.get("/people/{person_ref}", response_model_exclude_none=True, responses=problems(410))
async def get_person(request: Request, response: Response, person_ref: str, who: Who) -> Person:
    """For the receiver of an accepted referral that is still open, by the `person_ref` that events give: its system,
    its caseworkers and supervisors.

    410 `person_erased` for an agency that knew a person who was erased; 404 in every other case, and always the same
    one. Each asking is kept before anything is told.
    """
    db, now = _db(request), edge_now(request.app.state.context.settings)
    verdict = await _judged(db, person_ref, who, now)
    await reading.keep_read(db, _read(person_ref, who, verdict, now))
    if verdict.refused == PERSON_ERASED:
        raise _erased()
    if verdict.grant is None or not verdict.tiers:
        raise HTTPException(404)
    person = await reading.read_personal(db, verdict.grant.intake_id)
    if person is None:  # at this instant
        raise _erased()
    response.headers["Cache-Control"] = "no-store"
    told: dict[str, Any] = {tier: getattr(person, tier) for tier in verdict.tiers}
    if "tier1" in told:
        told |= {"tier1": contacts.now_safe(person), "contacts": _contacts(person, who) or None}
    return Person(
        person_ref=person.pseudonym, referral_id=verdict.grant.referral_id, intake_id=person.intake_id, **told
    )


@router.post("/search/people", responses=problems(400, 408, 413), openapi_extra=posted(AskedName.model_json_schema()))
async def search_people(request: Request, response: Response, who: Who) -> FoundPeople:
    """People by name: those whom the agency met itself, and those of whom it may be told now (`GET /v1/people`).

    However the name is spelled; posted, so that no address holds it. Nobody is found by who may not search, as where
    there is nobody. Each who is found is kept as told before anything is told.
    """
    db, now = _db(request), edge_now(request.app.state.context.settings)
    parts = spelling.parts((await bodies.read_as(AskedName, request)).name)
    found = await _named(db, who, parts, now) if parts and who.works else []
    told = [_asked(who, now, p.person_ref, p.referral_id, (("tier1",), None)) for p in found]
    await reading.keep_read(db, *told or [_asked(who, now, None, None, ((), "nobody_found"))])
    response.headers["Cache-Control"] = "no-store"
    return FoundPeople(entries=found)


@router.get("/texts/{text_id}", responses=problems(410))
async def get_text(request: Request, response: Response, text_id: UUID, who: Who) -> Text:
    """What was written with a command on a referral, by the `text_id` that events give.

    410 `person_erased` for who might have read it, once the person was erased; 404 in every other case, and always the
    same one. Each asking is kept before anything is told.
    """
    db, now = _db(request), edge_now(request.app.state.context.settings)
    found = await reading.read_text(db, text_id, now)
    reader = await reading.read_reader(db, who.agency, who.roles, works=who.works) if who.agency else None
    may = found is not None and may_read_text(found[1], found[2], reader, private=bool(found[0].get("private")))
    referral_id = _id_of(found[0]["referral_id"]) if found else None
    gone = found is not None and may and found[0]["text"] is None
    told: Told = ((), PERSON_ERASED) if gone else (("text",), None) if may else ((), "no_text")
    await reading.keep_read(db, _asked(who, now, None, referral_id, told))
    if gone:
        raise _erased()
    if found is None or not may:
        raise HTTPException(404)
    response.headers["Cache-Control"] = "no-store"
    return Text.model_validate(found[0])


@router.get("/reads")
async def get_reads(
    request: Request,
    who: Who,
    agency: str | None = None,
    person_ref: str | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=reading.LONGEST_PAGE)] = 100,
) -> Reads:
    """Who asked for whom, the latest first, what was refused included: for the roles auditor and ops."""
    if not AUDITING & who.roles:
        raise HTTPException(404)
    wanted = {"agency": agency, "person_ref": person_ref}
    found = await reading.read_reads(_db(request), wanted, before, limit)
    return Reads(entries=found, next=found[-1].id if len(found) == limit else None)


def _contacts(person: Personal, who: Speaker) -> tuple[KnownContact, ...]:
    return tuple(
        KnownContact(
            number=one.number, contact=one.contact, noted_by=one.by, noted_at=one.at, not_to_be_used=one.why_not,
            not_to_be_used_by=one.avoided_by, not_to_be_used_since=one.avoided_at,
        )
        for one in contacts.all_of(person, who.agency)
    )  # fmt: skip


async def _named(db: Any, who: Speaker, parts: tuple[str, ...], now: datetime) -> list[FoundPerson]:
    alike = await reading.read_named(db, who.agency or "", naming.asked_keys(parts))
    alike = [person for person in alike if naming.is_called(parts, person.tier1.name)]
    alike.sort(key=lambda person: naming.closest(parts, person.tier1.name))
    found: list[FoundPerson] = []
    for person in alike:
        may, referral_id = await _may_be_named(db, person, who, now)
        if may:
            known = {"person_ref": person.pseudonym, "intake_id": person.intake_id, "referral_id": referral_id}
            found.append(FoundPerson(**known, name=person.tier1.name, birth_date=person.tier1.birth_date))
        if len(found) == naming.MOST_FOUND:
            break
    return found


async def _may_be_named(db: Any, person: Personal, who: Speaker, now: datetime) -> tuple[bool, UUID | None]:
    """Whether the agency may be told of this meeting, and by which referral where it is not its own."""
    if person.agency == who.agency:
        return True, None
    verdict = await _judged(db, person.pseudonym, who, now)
    grant = verdict.grant if "tier1" in verdict.tiers else None
    told = grant is not None and grant.intake_id == person.intake_id
    return told, grant.referral_id if grant else None


async def _judged(db: Any, person_ref: str, who: Speaker, now: datetime) -> Verdict:
    """What the person excluded under another name of theirs counts; what is told was stated under this one."""
    agency = who.agency if who.works else None
    intakes = await reading.read_meetings(db, person_ref)
    grants = await reading.read_grants(db, agency, [intake.intake_id for intake in intakes])
    if intakes:
        for other in await reading.read_other_names(db, person_ref):
            intakes += await reading.read_meetings(db, other)
    erased = await reading.read_erased(db, person_ref)
    return judge(intakes, grants, await reading.read_agency(db, agency), now, erased)


def _erased() -> HTTPException:
    meaning = codes.codes("rejection_codes")[PERSON_ERASED]["meaning"]
    return HTTPException(410, {"code": PERSON_ERASED, "detail": meaning})


def _read(person_ref: str, who: Speaker, verdict: Verdict, now: datetime) -> Read:
    known = person_ref if is_pseudonym(person_ref) else None
    referral_id = verdict.grant.referral_id if verdict.grant else None
    return _asked(who, now, known, referral_id, (verdict.tiers, verdict.refused))


def _asked(who: Speaker, now: datetime, person_ref: str | None, referral_id: UUID | None, told: Told) -> Read:
    """told: which tiers went out, and why none did."""
    id = f"{now:%Y-%m-%dT%H:%M:%S.%f}/{uuid4().hex}"
    return Read(id, now, who.agency, who.actor, person_ref, referral_id, *told)


def _id_of(stated: str) -> UUID | None:
    """What an agency called a referral when it wrote may be no id at all."""
    try:
        return UUID(stated)
    except ValueError:
        return None


def _db(request: Request) -> Any:
    return request.app.state.context.db
