"""Is this worker alive, and may it be given work? And the ops view of its parked messages."""

import asyncio
import time
from typing import Annotated, Any

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel
from pymongo.errors import PyMongoError

from services.chassis import parking
from services.chassis.worker import STUCK_S, Worker, die
from services.http.tokens import Speaker, speaker

PATIENCE_S = 1.5
router = APIRouter(tags=["operations"])


class Health:
    """What was last seen of the broker, the store, the outbox, and the topics that are to be read first."""

    def __init__(self, worker: Worker, db: Any) -> None:
        self.worker, self.db = worker, db
        self.seen = {"broker": False, "store": False, "outbox": True, "first": False}

    @property
    def ready(self) -> bool:
        return all(self.seen.values())

    async def look(self) -> None:
        worker = self.worker
        publishing = worker.publishing and not worker.publishing.done()
        self.seen = {
            "broker": await _answers(worker.producer.client.fetch_all_metadata(), KafkaError),
            "store": await _answers(self.db.command("ping"), PyMongoError),
            "outbox": not (publishing and time.monotonic() - worker.began > 5),
            "first": worker.caught_up,
        }


async def watch(health: Health) -> None:
    """Look every second; never waits for the work itself, which may be waiting for what is away."""
    while True:
        await health.look()
        await asyncio.sleep(1)


async def tend(health: Health) -> None:
    """Every two seconds, while all is well: tidy up, and end a worker that has work and gets nowhere."""
    while True:
        await asyncio.sleep(2)
        if health.ready:
            await health.worker.tidy()
            await _end_if_stuck(health.worker)


async def _end_if_stuck(worker: Worker) -> None:
    if time.monotonic() - worker.progressed < STUCK_S or not worker.caught_up:
        return
    lag = [
        p
        for p in worker.consumer.assignment()
        if (worker.consumer.highwater(p) or 0) > worker.stored.get((p.topic, p.partition), 0)
    ]
    if lag:
        die(f"work is waiting and nothing was done for {STUCK_S} s")
    worker.progressed = time.monotonic()


async def _answers(call: Any, fault: type[Exception]) -> bool:
    try:
        await asyncio.wait_for(call, PATIENCE_S)
    except (fault, TimeoutError, OSError):
        return False
    return True


@router.get("/live")
async def live() -> dict[str, bool]:
    return {"live": True}


@router.get("/ready")
async def ready(request: Request, response: Response) -> dict[str, bool]:
    health: Health = request.app.state.health
    response.status_code = 200 if health.ready else 503
    return {"ready": health.ready} | health.seen


def operator(who: Annotated[Speaker, Depends(speaker)]) -> Speaker:
    if "ops" not in who.roles:
        raise HTTPException(404)
    return who


Operator = Annotated[Speaker, Depends(operator)]


class Act(BaseModel):
    """Why a parked message is replayed or discarded; who comes from the token."""

    why: str


@router.get("/ops/parked")
async def parked(request: Request, _who: Operator) -> list[dict[str, Any]]:
    return await parking.listed(request.app.state.context.db)


@router.post("/ops/parked/{message_id}/{action}", status_code=202)
async def act(request: Request, message_id: str, action: str, act: Act, who: Operator) -> dict[str, str]:
    if action not in ("replay", "discard"):
        raise HTTPException(404)
    asked = await parking.ask(request.app.state.context.db, message_id, action=action, by=who.actor, why=act.why)
    if not asked:
        raise HTTPException(404)
    return {"message_id": message_id, "asked": action}
