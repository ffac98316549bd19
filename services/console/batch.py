"""The same answer to several referrals at once: first what would come of each, then what did."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.console import asking, pages, web
from services.console.bound import gate_of
from services.console.domain import actions
from services.console.domain.shown import Case
from services.console.gate import Gate

router = APIRouter(prefix="/batch", route_class=web.Page, include_in_schema=False)

MOST = 50
COMMANDS = ("acknowledge", "accept")
"""What may be said of several: what asks each of them nothing that must be answered."""

Command = Annotated[str, Query(pattern=f"^({'|'.join(COMMANDS)})$")]


@dataclass(frozen=True, slots=True)
class Line:
    """can: whether the command may be said of it as it stands. outcome: what became of it, once it was said."""

    case: Case
    can: bool
    outcome: str = ""


@router.get("")
async def preview(
    request: Request, command: Command, of: Annotated[list[UUID] | None, Query(max_length=MOST)] = None
) -> Response:
    if of is None:
        of = []
    return _page(request, command, await _lines(gate_of(request), command, of), said=False)


@router.post("")
async def say(request: Request, command: Command) -> Response:
    """Of each as it was shown: one that has changed since is refused, and says so."""
    form, at, session = await request.form(), gate_of(request), web.session_of(request)
    named = dict(str(value).split(":", 1) for value in form.getlist("of")[:MOST] if ":" in str(value))
    found = []
    for line in await _lines(at, command, [UUID(id) for id in named if _is_id(id)]):
        version = named[line.case.id]
        outcome = "refused:invalid_transition"
        if line.can and version.isdecimal():
            body = {"referral_id": line.case.id, "command": command, "expected_version": int(version)}
            answer = await asking.say(session, f"staffetta.referral.{command}.v1", body)
            outcome = {None: "done", "waiting": "waiting", "away": "away"}.get(answer.code, f"refused:{answer.code}")
        found.append(Line(line.case, line.can, outcome))
    return _page(request, command, found, said=True)


async def _lines(at: Gate, command: str, ids: list[UUID]) -> list[Line]:
    cases = [case for id in dict.fromkeys(ids) if (case := await at.case(str(id)))]
    return [Line(case, _can(case, command, at)) for case in cases]


def _can(case: Case, command: str, at: Gate) -> bool:
    state, priority = case.row["state"], case.row["priority"]
    if command not in actions.commands(state, case.relations, at.actor.roles):
        return False
    return not any(question.required for question in actions.questions(command, state, priority))


def _page(request: Request, command: str, lines: list[Line], *, said: bool) -> Response:
    why: dict[str, Any] = {
        line.case.id: pages.refusal(request, line.outcome.partition(":")[2])
        for line in lines
        if line.outcome.startswith("refused:")
    }
    at = gate_of(request)
    return pages.page(request, "batch.html", at.now, command=command, lines=lines, was_said=said, why=why)


def _is_id(stated: str) -> bool:
    try:
        UUID(stated)
    except ValueError:
        return False
    return True
