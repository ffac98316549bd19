"""What people and agencies' systems may read: where a referral stands, why it went there, a queue, the tasks."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from services.chassis.sweep import edge_now
from services.http.openapi import problems
from services.http.tokens import Speaker, speaker
from services.referral import calendar, reading, store
from services.referral.domain import suspension, telling
from services.referral.domain.referral import Referral
from services.referral.domain.routing import Search
from services.referral.paging import Following

router = APIRouter(prefix="/v1", tags=["referrals"], responses=problems(401, 404, 422, 503))

Who = Annotated[Speaker, Depends(speaker)]
Replay = Annotated[bool, Query()]
Shown = dict[str, Any]


@router.get("/referrals")
async def find_referrals(request: Request, code: Annotated[str, Query(max_length=16)], who: Who) -> list[Shown]:
    """The ids of those that people call by this code, as mails do: nearly always one."""
    found = await reading.read_named(_db(request), code)
    ids = dict.fromkeys(of.referral_id for of in found if _may_read(who, *of.readers))
    return [{"code": code, "referral_id": id} for id in ids]


@router.get("/referrals/{referral_id}")
async def get_referral(request: Request, referral_id: UUID, who: Who) -> Shown:
    """State, owner, due time, timers and everything that happened.

    A receiver reads of one that was revoked, and a month after another end or once the person excludes it, only how it
    stands and what it owes.
    """
    referral = await reading.read_referral(_db(request), referral_id)
    if referral is None or not _may_read(who, *referral.readers):
        raise HTTPException(404)
    whole = _may_read(who, referral.need.sender_agency) or await _is_for_its_receiver(request, referral)
    return telling.referral(referral, whole=whole)


@router.get("/referrals/{referral_id}/explanation")
async def get_explanation(request: Request, referral_id: UUID, who: Who, replay: Replay = False) -> Shown:
    """Why it went there, or why to nobody: every candidate, rule by rule, and the facts that were used.

    A receiver sees the order it was part of, but not whom the person excluded or what else the sender knows; once the
    referral was revoked or the person excludes it it sees nothing, and after another end nothing from a month on.
    replay: also whether the decision, made again from the facts that are kept with it, is the same.
    """
    found = await reading.read_explanation(_db(request), referral_id)
    if found is None or not _may_read(who, *found.parties):
        raise HTTPException(404)
    whole = _may_read(who, found.sender)
    referral = None if whole else await reading.read_referral(_db(request), referral_id)
    if not whole and (referral is None or not await _is_for_its_receiver(request, referral)):
        raise HTTPException(404)
    told = telling.explanation(found, whole=whole)
    return told | {"replay": telling.replayed(found)} if replay else told


@router.get("/queues")
async def get_queue(request: Request, response: Response, agency: str, who: Who, after: Following) -> list[Shown]:
    """The open referrals an agency has received, by due time. Of more than 500, `Link` says where the rest is."""
    if not _may_read(who, agency):
        raise HTTPException(404)
    found = await reading.read_queue(_db(request), agency, after)
    found.link(request, response)
    return [telling.queued(store.REFERRAL.validate_python(doc)) for doc in found.docs]


@router.get("/tasks")
async def get_tasks(request: Request, response: Response, agency: str, who: Who, after: Following) -> list[Shown]:
    """What an agency's workers have to decide, by due time. Of more than 500, `Link` says where the rest is."""
    if not _may_read(who, agency):
        raise HTTPException(404)
    found = await reading.read_tasks(_db(request), agency, after)
    found.link(request, response)
    return [telling.task(store.TASK.validate_python(doc)) for doc in found.docs]


@router.get("/unmet-needs")
async def get_unmet_needs(request: Request, who: Who, days: Annotated[int, Query(ge=1, le=3660)] = 365) -> list[Shown]:
    """What could not be given, now or (final) at all, by city, service and reason: counts, and nothing of any person.

    A coordinator reads of the own city, the network's own people of all.
    """
    city = await _coordinated(request, who)
    since = _now(request) - timedelta(days=days)
    return telling.unmet(await reading.read_unmet(_db(request), city, since))


@router.get("/agencies/{agency}/open-referrals")
async def get_open_referrals(
    request: Request, response: Response, agency: str, who: Who, after: Following
) -> list[Shown]:
    """What would become of the open referrals of an agency if it were suspended: for who coordinates its city.

    next: the offer that would be asked (of a reserved service only the agency), none when nobody is left or when the
    coordination itself has to decide. What is of a person who excluded the coordinator's own agency is left out. Of
    more than 500, `Link` says where the rest is.
    """
    db, city = _db(request), await _coordinated(request, who)
    if city and city != await reading.read_city(db, agency):
        raise HTTPException(404)
    now = _now(request)
    found = await reading.read_lying(db, agency, after)
    found.link(request, response)
    referrals = [store.REFERRAL.validate_python(doc) for doc in found.docs]
    return [await _if_suspended(db, of, now) for of in referrals if not await reading.is_excluded(db, of, who.agency)]


async def _if_suspended(db: Any, referral: Referral, now: datetime) -> Shown:
    asked_elsewhere, onward = suspension.goes_on(referral), None
    if asked_elsewhere and referral.place:
        need = await reading.read_need(db, referral.need)
        search = Search(need, referral.hop + 1, (*referral.tried, referral.place.agency))
        day = calendar.of(need.sender_city, now).day_of(now)
        onward = (await reading.read_decision(db, search, day)).first
    return telling.if_suspended(referral, onward, rerouted=asked_elsewhere)


async def _is_for_its_receiver(request: Request, referral: Referral) -> bool:
    if not telling.is_for_its_receiver(referral, _now(request)):
        return False
    return not await reading.is_excluded(_db(request), referral, referral.place.agency if referral.place else None)


async def _coordinated(request: Request, who: Speaker) -> str | None:
    """The city whose coordination the speaker is, for an agency that works; None for all cities."""
    if "network" in who.roles:
        return None
    coordinates = who.agency and "coordinator" in who.roles
    city = await reading.read_city(_db(request), who.agency, active=True) if coordinates else None
    if city is None:
        raise HTTPException(404)
    return city


def _may_read(who: Speaker, *parties: str | None) -> bool:
    return "network" in who.roles or (who.works and who.agency in parties)


def _now(request: Request) -> datetime:
    return edge_now(request.app.state.context.settings)


def _db(request: Request) -> Any:
    return request.app.state.context.db
