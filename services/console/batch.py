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
    """why_not: the word for why the command cannot be said of it here, if it cannot. outcome: what became of it."""

    case: Case
    why_not: str
    outcome: str = ""

    @property
    def can(self) -> bool:
        return not self.why_not


@router.get("")
async def preview(
    request: Request, command: Command, of: Annotated[list[UUID] | None, Query(max_length=MOST)] = None
) -> Response:
    if of is None:
        of = []
    return await _page(request, command, await _lines(gate_of(request), command, of), said=False)


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
        found.append(Line(line.case, line.why_not, outcome))
    return await _page(request, command, found, said=True)


async def _lines(at: Gate, command: str, ids: list[UUID]) -> list[Line]:
    cases = [case for id in dict.fromkeys(ids) if (case := await at.case(str(id)))]
    return [Line(case, _why_not(case, command, at)) for case in cases]


def _why_not(case: Case, command: str, at: Gate) -> str:
    state, priority = case.row["state"], case.row["priority"]
    if command not in actions.commands(state, case.relations, at.actor.roles):
        return "batch_not"
    asks = any(question.required for question in actions.questions(command, state, priority))
    return "batch_asks" if asks else ""


async def _page(request: Request, command: str, lines: list[Line], *, said: bool) -> Response:
    why: dict[str, Any] = {
        line.case.id: pages.refusal(request, line.outcome.partition(":")[2])
        for line in lines
        if line.outcome.startswith("refused:")
    }
    at = gate_of(request)
    await at.note_list("queue", [line.case for line in lines])
    return pages.page(
        request, "batch.html", at.now, command=command, lines=lines, was_said=said, why=why,
        agencies=await at.agencies(),
    )  # fmt: skip


def _is_id(stated: str) -> bool:
    try:
        UUID(stated)
    except ValueError:
        return False
    return True
