"""For operations: which services answer, and the messages that were set aside, without their content."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException

from services.chassis import parking
from services.console import asking, pages, settings, web
from services.console.bound import back_to, gate_of, said

router = APIRouter(prefix="/ops", route_class=web.Page, include_in_schema=False)


@router.get("")
async def operating(request: Request) -> Response:
    now = gate_of(request).now
    return pages.page(request, "ops.html", now, said=said(request), services=await _services(request))


@router.get("/now")
async def operating_now(request: Request) -> Response:
    """What the page asks for every few seconds: no topic tells how a service is."""
    return pages.page(request, "_ops.html", gate_of(request).now, services=await _services(request))


@router.post("/{service}/{message_id}/{action}")
async def act(
    request: Request,
    service: str,
    message_id: UUID,
    action: Literal["replay", "discard"],
    why: Annotated[str, Form(min_length=10, max_length=500)],
) -> Response:
    """The service writes down who asked, why and what came of it."""
    if service not in settings.services():
        raise HTTPException(404)
    answer = await asking.act_on_parked(web.session_of(request), service, str(message_id), action, why)
    return back_to("/ops", answer)


async def _services(request: Request) -> list[dict[str, Any]]:
    """Each service, by name: what of it is well, and a page of what it set aside; None for what it does not tell."""
    session = web.session_of(request)

    async def one(name: str) -> dict[str, Any]:
        ready, parked = await asyncio.gather(asking.ready(name), asking.parked(session, name))
        return {"name": name, "ready": ready, "parked": parked, "more": len(parked or ()) == parking.PAGE}

    return await asyncio.gather(*(one(name) for name in settings.services()))
