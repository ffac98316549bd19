"""What an agency may read of what its queues were told."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from services.http.openapi import problems
from services.http.tokens import Speaker, speaker
from services.notifications import store

router = APIRouter(prefix="/v1", tags=["notices"], responses=problems(401, 404, 422, 503))


class NoticeMail(BaseModel):
    """state: sent or failed (why: reason)."""

    mail_id: UUID
    state: str
    at: datetime
    reason: str | None = None


class NoticeTold(BaseModel):
    """about: what happened; code: how mails call the referral, where it is about one; service: its `bus_code`; mail:
    None while on its way.
    """

    notification_id: UUID
    about: str
    code: str | None = None
    referral_id: UUID | None = None
    service: str
    at: datetime
    mail: NoticeMail | None


@router.get("/queues/{queue}/notices")
async def get_notices(request: Request, queue: str, who: Annotated[Speaker, Depends(speaker)]) -> list[NoticeTold]:
    """What a queue was told, the newest first, for its own agency."""
    db = request.app.state.context.db
    known = await store.read_queue(db, queue)
    if known is None or not who.works or who.agency != known[0].code:
        raise HTTPException(404)
    return [NoticeTold.model_validate(doc) for doc in await store.read_notices(db, queue)]
