"""What a sending agency may read of an intake of its own: what the network was told, and with which remarks."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request

from contracts.events import IntakeRecorded
from services.http.tokens import Speaker, speaker
from services.intake import store

router = APIRouter(prefix="/v1", tags=["intakes"])


class RecordedIntake(IntakeRecorded):
    """flags: codes of `rejection_codes.json` with which the intake was taken."""

    flags: tuple[str, ...]


@router.get("/intakes/{intake_id}")
async def get_intake(request: Request, intake_id: UUID, who: Annotated[Speaker, Depends(speaker)]) -> RecordedIntake:
    """Tier 0 with the network's pseudonym; no name, no identifier. Another agency's looks like none at all."""
    found = await store.read_intake(_db(request), intake_id)
    if found is None or who.agency != found.recorded.sender_agency:
        raise HTTPException(404)
    return RecordedIntake(**found.recorded.model_dump(), flags=found.answer.flags)


def _db(request: Request) -> Any:
    return request.app.state.context.db
