"""Is this worker alive, and may it be given work? And what operators see and do about parked messages."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Annotated, Any, Literal

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from opentelemetry.metrics import Observation
from pydantic import BaseModel, Field
from pymongo.errors import PyMongoError

from services.chassis import parking, telemetry
from services.chassis.faults import die
from services.chassis.transaction import Doc
from services.chassis.worker import Worker
from services.http import bodies
from services.http.openapi import posted, problems
from services.http.tokens import Speaker, speaker

PATIENCE_S, LOOK_S, STUCK_S = 1.5, 2, 30
router = APIRouter(tags=["operations"])


async def look(worker: Worker) -> dict[str, bool]:
    """Never waits for the work itself, which may be waiting for what is away."""
    broker, store = await asyncio.gather(_answers(worker.ask_broker()), _answers(worker.clock.look(worker.ledger.db)))
    well = {"outbox": not worker.outbox.stuck, "first": worker.partitions.caught_up, "clock": worker.clock.is_right}
    return {"broker": broker and worker.is_served, "store": store} | well


async def _answers(call: Awaitable[Any]) -> bool:
    try:
        await asyncio.wait_for(call, PATIENCE_S)
    except (KafkaError, PyMongoError, TimeoutError, OSError):
        return False
    return True


def measure(worker: Worker) -> None:
    """How much waits for ops, as a measurement; of each partition its worker tells."""
    about = "Keys of messages that are set aside until ops have them replayed or discard them"
    telemetry.gauge("staffetta.parked.keys", "{key}", about, lambda: [Observation(worker.partitions.waiting)])


async def tidy(worker: Worker) -> None:
    while True:
        await asyncio.sleep(worker.ledger.settings.tidy_s)
        await asyncio.shield(worker.tidy())


async def heed(worker: Worker) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        await asyncio.shield(worker.heed())  # a stop waits for it: half of it done would be half forgotten


async def watch(worker: Worker) -> None:
    """End a worker that has work and gets nowhere, although broker and store are there."""
    since, at = time.monotonic(), 0
    while True:
        await asyncio.sleep(LOOK_S)
        idle = worker.done != at or not worker.partitions.behind
        if idle or not ((seen := await look(worker))["broker"] and seen["store"]):
            since, at = time.monotonic(), worker.done
        elif time.monotonic() - since > STUCK_S:
            die(f"work is waiting and nothing was done for {STUCK_S} s")


@router.get("/live")
async def live() -> dict[str, bool]:
    return {"live": True}


@router.get("/ready", responses={503: {"description": "Not yet, or not now", "model": dict[str, bool]}})
async def ready(request: Request, response: Response) -> dict[str, bool]:
    """A clock that is wrong keeps nobody out: what comes in is stamped by the broker, and what runs out waits."""
    seen = await look(request.app.state.worker)
    is_ready = all(well for what, well in seen.items() if what != "clock")
    response.status_code = 200 if is_ready else 503
    return {"ready": is_ready} | seen


def operator(who: Annotated[Speaker, Depends(speaker)]) -> Speaker:
    if "ops" not in who.roles:
        raise HTTPException(404)
    return who


Operator = Annotated[Speaker, Depends(operator)]
Action = Literal["replay", "discard"]


class Act(BaseModel):
    """Why a parked message is replayed or discarded; who comes from the token."""

    why: str = Field(min_length=1, max_length=500)


@router.get("/ops/parked", responses=problems(401, 404, 422, 503))
async def parked(request: Request, _who: Operator, skip: Annotated[int, Query(ge=0, le=10_000_000)] = 0) -> list[Doc]:
    """What is set aside, a thousand at most; `skip` is how many one has of it already."""
    return await parking.listed(request.app.state.context.db, skip)


@router.get("/ops/parked/{message_id}", responses=problems(401, 404, 503))
async def one_parked(request: Request, message_id: str, _who: Operator) -> Doc:
    if (found := await parking.one(request.app.state.context.db, message_id)) is None:
        raise HTTPException(404)
    return found


@router.post(
    "/ops/parked/{message_id}/{action}", status_code=202, responses=problems(401, 404, 408, 413, 422, 503),
    openapi_extra=posted(Act.model_json_schema()),
)  # fmt: skip
async def act(request: Request, message_id: str, action: Action, who: Operator) -> Doc:
    act = await bodies.read_as(Act, request)
    at = await parking.ask(request.app.state.context.db, message_id, action=action, by=who.actor, why=act.why)
    if at is None:
        raise HTTPException(404)
    return {"message_id": message_id, "asked": action, "at": at}


@router.get("/ops/asked/{message_id}", responses=problems(401, 404, 503))
async def asked(request: Request, message_id: str, _who: Operator) -> Doc:
    """What came of what was last asked for a message, known by its `at`: which of its key are `done`, and at which it
    `failed`; more may follow until it has `ended`. 404 while nothing was done.
    """
    if (came := await parking.came_of(request.app.state.context.db, message_id)) is None:
        raise HTTPException(404)
    return came
