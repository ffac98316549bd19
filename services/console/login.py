"""Logging in with the OpenID provider of the network (code with PKCE), and out again."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.chassis.sweep import edge_now
from services.console import gate, openid, pages, sessions, web
from services.console.sessions import Login

router = APIRouter(route_class=web.Open, include_in_schema=False)

IN_HAND = "staffetta-login"
"""The cookie of a browser that has begun to log in."""
LEFT, REMEMBERED_S = "staffetta-left", 31_536_000
"""The cookie of a browser in which somebody logged out: whoever comes next may be somebody else."""


def local_path(wanted: str) -> str:
    """Where to go after logging in: a page of ours, whatever a link says."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if plain and "\\" not in wanted else "/"


@router.get("/login")
async def login(request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """Send the person to the provider, and remember what has to come back with them."""
    db, now = request.app.state.context.db, _now(request)
    state, begun = sessions.secret(), Login(sessions.secret(), sessions.secret(), local_path(next))
    was_left = await sessions.was_left(db, request.cookies.get(web.cookie("staffetta"), ""), now)
    url = await openid.where_to_log_in(state, begun, anew=was_left or web.cookie(LEFT) in request.cookies)
    await sessions.begin_login(db, state, begun, now)
    response = RedirectResponse(url, 303)
    web.set_cookie(response, IN_HAND, state, int(sessions.LOGIN.total_seconds()))
    return response


@router.get("/login/back")
async def back(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """The person is back with a code; every login is good once, in the browser that began it."""
    db, now = request.app.state.context.db, _now(request)
    begun = await sessions.end_login(db, state, now) if state == request.cookies.get(web.cookie(IN_HAND)) else None
    if begun is None or not code:
        return pages.notice(request, "login_again", HTTPStatus.BAD_REQUEST)
    try:
        actor, token = await openid.person(code, begun, now)
    except openid.Refused:
        return pages.notice(request, "login_failed", HTTPStatus.FORBIDDEN)
    if not await gate.has_a_part(db, actor):
        return pages.notice(request, "no_desk", HTTPStatus.FORBIDDEN)
    await sessions.end(db, request.cookies.get(web.cookie("staffetta"), ""))
    key, ends_at = await sessions.begin(db, actor, token, now)
    response = RedirectResponse(begun.next, 303)
    web.set_cookie(response, "staffetta", key, int((ends_at - now).total_seconds()))
    for over in (IN_HAND, LEFT):
        web.delete_cookie(response, over)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    await sessions.end(request.app.state.context.db, request.cookies.get(web.cookie("staffetta"), ""))
    request.state.session = None
    response = pages.notice(request, "logged_out")
    web.delete_cookie(response, "staffetta")
    web.set_cookie(response, LEFT, "1", REMEMBERED_S)
    return response


def _now(request: Request) -> datetime:
    return edge_now(request.app.state.context.settings)
