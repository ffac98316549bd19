"""What holds for every page: who asks, in which language, no forged form, no flood, and headers for browsers."""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Coroutine
from functools import cache, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException

from services.chassis.sweep import edge_now
from services.console import gate, hourly, pages, renewing, sessions, settings
from services.console.domain.rights import RIGHTS, Right
from services.console.pages import Language
from services.console.sessions import Session
from services.http.problems import AWAY, RETRY_AFTER_S

log = logging.getLogger("staffetta.console")

MAX_FORM_BYTES, SLOWEST_S = 65_536, 15
BY_ITSELF = re.compile(r"/here|/ops/now|.+/live")
"""What an open page asks for again and again, with or without somebody before it."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


@cache
def _limiter() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


def cookie(name: str) -> str:
    """Cookies know no ports, so ours has a name of its own; over TLS a prefix binds it to this host."""
    return f"__Host-{name}" if settings.current().is_secure else name


def set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    secure = settings.current().is_secure
    response.set_cookie(cookie(name), value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=secure)


def delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(cookie(name), path="/", secure=settings.current().is_secure, httponly=True)


class Open(APIRoute):
    """A page for whoever asks: the way in, and the files of browsers."""

    needs_session = False

    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()

        async def safely(request: Request) -> Response:
            request.state.language = _language(request)
            try:
                response = await self._answer(handle, request)
            except Exception as fault:
                response = _problem(request, fault)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            if settings.current().is_secure:
                response.headers["Strict-Transport-Security"] = "max-age=31536000"
            if chosen := _chosen(request):
                set_cookie(response, "language", chosen, 31_536_000)
            return response

        return safely

    async def _answer(self, handle: Handle, request: Request) -> Response:
        request.state.session = None
        db, now = request.app.state.context.db, edge_now(request.app.state.context.settings)
        used = not BY_ITSELF.fullmatch(self.path)
        key = request.cookies.get(cookie("staffetta"), "")
        session = await sessions.find(db, key, now, used=used)
        await _not_too_often(request, session)
        if self.needs_session and session and session.has_to_renew(now):
            session = await renewing.renewed(db, key, session, now)
        if session is None and self.needs_session:
            return _to_login(request)
        if session:
            request.state.session, request.state.gate = session, await _gate(request, session)
            request.state.right = self._right(request, session)
            await _menu(request)
        if request.method not in ("GET", "HEAD"):
            await _not_forged(request, session)
        return await handle(request)

    def _right(self, request: Request, session: Session) -> Right | None:
        return None


class Page(Open):
    """A page for people who have logged in, and who have one of the roles that `rights` says."""

    needs_session = True

    def _right(self, request: Request, session: Session) -> Right | None:
        """A page that the table does not name, or names for others, looks as if it were not there."""
        right = RIGHTS.get(f"{request.method} {self.path}")
        if right is None or (right.roles and not right.roles & session.actor.roles):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return right


def _problem(request: Request, fault: Exception) -> Response:
    """As a page, and a line in the log where it is none of who asks."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    if isinstance(fault, RequestValidationError):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    elif isinstance(fault, HTTPException):
        status = HTTPStatus(fault.status_code)
    elif isinstance(fault, AWAY):
        log.warning("a page must wait: %s", type(fault).__name__)
        status = HTTPStatus.SERVICE_UNAVAILABLE
    else:
        log.error("a page failed", exc_info=fault)
    response = pages.problem(request, status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if isinstance(fault, HTTPException) and request.method not in ("GET", "HEAD"):  # the rest of a form may never come
        response.headers["Connection"] = "close"
    return response


async def _menu(request: Request) -> None:
    """What waits for this person elsewhere: likely twins, and broken glass that they have not seen."""
    if request.method == "GET":
        at: gate.Gate = request.state.gate
        request.state.twins, request.state.unseen = await at.has_twins(), await at.glasses.unseen()


async def _not_too_often(request: Request, session: Session | None) -> None:
    who = session.id if session else request.client.host if request.client else ""
    if not await _limiter().hit(RateLimitItemPerMinute(settings.current().per_minute), who):
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": "60"})


def _to_login(request: Request) -> Response:
    if request.method != "GET":
        raise HTTPException(HTTPStatus.UNAUTHORIZED)
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": "/login"})
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", 303)


async def _not_forged(request: Request, session: Session | None) -> None:
    """A form is taken from our own pages only, and only with the word that this session was given."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or "transfer-encoding" in request.headers:  # in pieces it would have no end
        raise HTTPException(HTTPStatus.LENGTH_REQUIRED)
    if int(length) > MAX_FORM_BYTES:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if session is None or request.headers.get("origin") not in (None, settings.current().origin):
        raise HTTPException(HTTPStatus.FORBIDDEN)
    try:
        async with asyncio.timeout(SLOWEST_S):
            form = await request.form(max_files=0)
    except TimeoutError:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
    if not secrets.compare_digest(str(form.get("csrf", "")).encode(), session.csrf.encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN)


def _chosen(request: Request) -> Language | None:
    wanted = request.query_params.get("lang")
    return "it" if wanted == "it" else "en" if wanted == "en" else None


def _language(request: Request) -> Language:
    """What was chosen, else what the browser prefers, else Italian."""
    wanted = _chosen(request) or request.cookies.get(cookie("language"))
    if wanted not in ("it", "en"):
        spoken = [part.strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]
        wanted = next((one for one in spoken if one in ("it", "en")), "it")
    return "en" if wanted == "en" else "it"


def session_of(request: Request) -> Session:
    found: Any = request.state.session
    if not isinstance(found, Session):
        raise HTTPException(HTTPStatus.UNAUTHORIZED)
    return found


async def still_here(request: Request, key: str) -> gate.Gate | None:
    """What the person may see now, for a page that stays open; None once their session has ended."""
    db, now = request.app.state.context.db, edge_now(request.app.state.context.settings)
    session = await sessions.find(db, key, now)
    return await _gate(request, session) if session else None


async def _gate(request: Request, session: Session) -> gate.Gate:
    context = request.app.state.context
    clock = partial(edge_now, context.settings)
    return await gate.opened(context.db, session.actor, clock, hourly.of_this_process)
