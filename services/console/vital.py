"""A vital interest that a second person has to confirm: what it is about, and what they say of it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from contracts import codes
from services.console import asking, pages, web
from services.console.bound import back_to, gate_of, said
from services.console.domain import vital

router = APIRouter(prefix="/vital", route_class=web.Page, include_in_schema=False)


@router.get("/{intake_id}")
async def look(request: Request, intake_id: UUID) -> Response:
    """Of a meeting of others, of one that is not there, and of one of which all is decided there is nothing to see."""
    at, id = gate_of(request), str(intake_id)
    task = await at.to_confirm(id)
    met = await asking.intake(web.session_of(request), id) if task else None
    found: dict[str, Any] = {"reviews": vital.reviews(met, at.actor), "cases": await at.met(id)} if met else {}
    return pages.page(
        request, "vital.html", at.now, said=said(request), task=task, met=met, agencies=await at.agencies(),
        cities=codes.codes("cities"), covered=codes.table("sharing")["recipients"][0], **found,
    )  # fmt: skip


@router.post("/{intake_id}")
async def decide(
    request: Request,
    intake_id: UUID,
    decision: Annotated[Literal["confirm", "withdraw"], Form()],
    basis: Annotated[list[str], Form(max_length=100)],
) -> Response:
    """Said with the person's own token; whether they may is for intake to say."""
    page = f"/vital/{intake_id}"
    if await gate_of(request).to_confirm(str(intake_id)) is None:
        return RedirectResponse(page, 303)
    body = {"intake_id": str(intake_id), "basis_ids": basis}
    body |= {"revoke_cause": vital.NOT_CONFIRMED} if decision == "withdraw" else {}
    answer = await asking.say(web.session_of(request), f"staffetta.sharing.{decision}.v1", body)
    return back_to("/tasks" if answer.code in (None, "waiting") else page, answer)
