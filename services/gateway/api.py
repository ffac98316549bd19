"""The HTTP side of the door: agencies without a system on the broker say the same messages, and read the same feed."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pymongo.errors import PyMongoError

from contracts.answers import CommandAccepted
from contracts.codes import PERSON_ROLES
from contracts.refusals import Refusal
from contracts.values import Time
from services.chassis.service import Context
from services.gateway import broker, openapi, reading, store
from services.gateway.domain import door
from services.gateway.domain.door import Voice
from services.http import attributes, bodies
from services.http.openapi import problems
from services.http.tokens import Speaker, speaker

router = APIRouter(prefix="/v1", tags=["agencies"])
stopping = asyncio.Event()

ANSWER_S, LOOK_S, LONGEST_POLL_S = 5, 0.05, 25
AT_ONCE, AGAIN_S = 50, 1
"""Requests of one agency that are in hand here: what one of them sends keeps no other waiting."""

in_hand: Counter[str] = Counter()


async def end_polls(_context: Context) -> None:
    """A job that waits until it is cancelled, which is when the process is asked to stop."""
    try:
        await stopping.wait()
    finally:
        stopping.set()


class Answer(BaseModel):
    """How the network answered. status: the HTTP status that the code of a refusal stands for, or 202."""

    outcome: Literal["accepted", "rejected"]
    status: int
    code: str | None = None
    pointer: str | None = None
    message: str | None = None
    subject: str | None = None
    state: str | None = None
    version: int | None = None
    flags: list[str] = []
    allowed: list[str] = []
    intake_id: str | None = None
    linked_referral_id: str | None = None
    successor_id: str | None = None
    successor_agency: str | None = None


class Asked(BaseModel):
    """A command that was admitted; its answer, if it has come; where to look for it otherwise."""

    command_id: str
    answer: Answer | None
    location: str


class Page(BaseModel):
    """Entries as CloudEvents in JSON, each with its `cursor`; next: what to give as `after` the next time."""

    entries: list[dict[str, Any]]
    next: int | None


async def speaking_agency(request: Request, who: Annotated[Speaker, Depends(speaker)]) -> AsyncIterator[str]:
    load = store.loader(request.app.state.context.db)
    if who.agency is None or not await store.is_agency(load, who.agency):
        raise Refusal("not_authorised")
    if in_hand[who.agency] >= AT_ONCE:
        raise HTTPException(429, headers={"Retry-After": str(AGAIN_S)})
    in_hand[who.agency] += 1
    try:
        yield who.agency
    finally:
        in_hand[who.agency] -= 1


SpeakingAgency = Annotated[str, Depends(speaking_agency)]


async def working_agency(agency: SpeakingAgency, who: Annotated[Speaker, Depends(speaker)]) -> str:
    """Of who works for it: what an agency is told is not for who only coordinates, audits or operates."""
    if not who.works:
        raise Refusal("not_authorised")
    return agency


async def speaking(agency: SpeakingAgency, who: Annotated[Speaker, Depends(speaker)]) -> Voice:
    """An agency's system, which has no role, or a person of it in those that their token gives them: who only audits or
    operates says nothing for it.
    """
    roles = tuple(sorted(PERSON_ROLES & who.roles))
    if not (who.works or roles):
        raise Refusal("not_authorised")
    return Voice(agency, who.actor if who.roles else None, roles)


Speaking = Annotated[Voice, Depends(speaking)]


@router.post("/commands", status_code=202, responses=openapi.PROBLEMS_OF_COMMANDS, openapi_extra=openapi.COMMAND)
async def post_command(
    request: Request,
    response: Response,
    who: Speaking,
    token: Annotated[Speaker, Depends(speaker)],
    ce_type: Annotated[str, Header()],
    ce_id: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Asked:
    """Say one message (CloudEvents over HTTP, binary mode); `ce-id` or `Idempotency-Key` is its id.

    A `ce-` header is percent-encoded (HTTP protocol binding 1.0, 3.1.3.2), and means what it means on Kafka.

    What only a supervisor or a coordinator may say is taken from a person whose token says that they are one; who only
    coordinates says nothing else but that a task was done. Of a person the token says who they are, whatever `actor`
    claims.
    """
    context: Context = request.app.state.context
    body, id = await bodies.read(request), _attribute("id", ce_id) or idempotency_key
    if id is None:
        raise RequestValidationError([{"type": "missing", "loc": ("header", "ce-id")}])
    type = _attribute("type", ce_type)
    body, read = _read(body, who, id, type)
    if not token.works and type not in reading.OF_COORDINATORS:
        raise Refusal("not_authorised")
    admitted = await _admitted(context, who, read)
    if isinstance(admitted, door.Forward):
        known = {"ce_id": id, "ce_type": type, "traceparent": request.headers.get("traceparent")}
        await _put(context, who, body, known)
        with suppress(PyMongoError):  # the broker has the message, though the store be away
            await store.note_taken(context.db, who, read)
    answered = await _answered(context, who, read)
    asked = _asked(read.command_id, answered.answer if answered else None)
    response.headers["Location"] = asked.location
    return asked


@router.get("/commands/{command_id:path}", responses=problems(401, 403, 404, 422, 429, 503))
async def get_command(request: Request, command_id: str, who: Speaking) -> Asked:
    """What became of a command of one's own: by its command_id, an intake's idempotency_key, or the message's id.

    Without an `answer` it is still on its way.
    """
    db = request.app.state.context.db
    load = store.loader(db)
    known, answered = await store.find_asked(load, who, command_id)
    said = answered.answer if answered else None if known else await store.find_refused(load, who, command_id)
    if not (known or said or await store.was_taken(db, who, command_id)):
        raise HTTPException(404)
    return _asked(command_id, said)


@router.get("/feed", responses=problems(401, 403, 410, 422, 429, 503))
async def get_feed(
    request: Request,
    agency: Annotated[str, Depends(working_agency)],
    after: Annotated[int | None, Query(ge=0)] = None,
    since: Annotated[Time | None, Query()] = None,
    limit: Annotated[int, Query(ge=0, le=500)] = 100,
    wait: Annotated[float, Query(ge=0, le=LONGEST_POLL_S)] = 0,
) -> Page:
    """What happened, in order, after a cursor; with `wait`, the answer may come so many seconds later.

    `since`, a time with its zone, in place of a cursor: for who was away and lost it.
    `limit=0` gives no entries and the feed's end as `next`, for who wants only what is still to come.
    410 `gone`: the feed does not hold all that followed this cursor or time; it is whole from `kept_from` on. Begin
    again from there, or without either for all that is left.
    """
    if after is not None and since is not None:
        raise RequestValidationError([{"type": "one_of_two", "loc": ("query", "since")}])
    settings = request.app.state.context.settings
    try:
        entries, next = await broker.read_feed(settings, agency, broker.Page(after, since, limit, wait), stopping)
    except broker.Gone as gone:
        raise HTTPException(410, _gone(gone)) from None
    return Page(entries=entries, next=next)


def _gone(gone: broker.Gone) -> dict[str, str]:
    detail = "The feed does not hold all that followed this; what was put there from kept_from on is kept."
    return {"code": "gone", "detail": detail, "kept_from": gone.kept_from.isoformat()}


def _attribute(name: str, header: str | None) -> str | None:
    try:
        return attributes.decoded(header) if header else None
    except ValueError:
        raise reading.OfAttribute("invalid_encoding", name) from None


def _read(body: bytes, who: Voice, id: str, type: str | None) -> tuple[bytes, door.Read]:
    """What goes on, and what it says. On an agency's topic nothing beside a message tells who said it: it does so."""
    read = reading.read(body, id=id, type=type, person=frozenset(who.roles))
    if who.actor is None or who.roles:
        return body, read
    body = reading.said_by(body, who.actor)
    return body, reading.read(body, id=id, type=type)


async def _admitted(context: Context, who: Voice, read: door.Read) -> door.Forward | door.Answered | None:
    load = await store.loader_of_uses(context.db, who, read)
    return door.admit(read, who, await store.recall(load, who, read))


async def _put(context: Context, who: Voice, body: bytes, attributes: dict[str, str | None]) -> None:
    attributes |= {"content-type": "application/json", "ce_specversion": "1.0"}
    await broker.put(context, who, body, attributes)


async def _answered(context: Context, who: Voice, read: door.Read) -> door.Answered | None:
    """The answer once it is there; None when it takes longer, though the store be away: the broker has the message.

    Another message may have taken our ids meanwhile.
    """
    until = time.monotonic() + ANSWER_S
    with suppress(PyMongoError):
        while time.monotonic() < until and not stopping.is_set():
            found = await _admitted(context, who, read)
            if isinstance(found, door.Answered):
                return found
            await asyncio.sleep(LOOK_S)
    return None


def _asked(command_id: str, said: door.Answer | None) -> Asked:
    answer = None
    if said:
        accepted = isinstance(said, CommandAccepted)
        status = 202 if isinstance(said, CommandAccepted) else Refusal(said.code).http_status
        answer = Answer(
            outcome="accepted" if accepted else "rejected",
            status=status,
            **said.model_dump(mode="json", exclude={"asked"}),
        )
    return Asked(command_id=command_id, answer=answer, location=f"/v1/commands/{quote(command_id, safe='')}")
