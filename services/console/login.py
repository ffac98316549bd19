"""Logging in with the OpenID provider of the network (code with PKCE), and out again."""

import warnings
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from contracts.values import AgencyCode
from services.chassis.sweep import edge_now
from services.console import gate, pages, sessions, settings, web
from services.console.domain.access import ROLES, Actor
from services.console.sessions import Login
from services.http.trust import authorities

with warnings.catch_warnings():
    # it would rather use a fork of httpx; the one it was written for is the one that we pin
    warnings.simplefilter("ignore")
    from authlib.common.errors import AuthlibBaseError
    from authlib.integrations.httpx_client import AsyncOAuth2Client

router = APIRouter(route_class=web.Open, include_in_schema=False)

ALGORITHMS = ["ES256", "RS256"]
SCOPE = "openid profile"
TIMEOUT_S, LEEWAY_S = 5, 10
IN_HAND = "staffetta-login"
"""The cookie of a browser that has begun to log in."""


class Claims(BaseModel):
    """What the provider says of a person; `agency`, `roles`, `queues` and `cities` are the network's own claims."""

    sub: str = Field(min_length=1, max_length=200)
    name: str = Field("", max_length=200)
    agency: AgencyCode | None = None
    roles: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    cities: frozenset[str] = frozenset()

    def actor(self) -> Actor:
        return Actor(self.sub, self.name or self.sub, self.agency, self.roles & ROLES, self.queues, self.cities)


def local_path(wanted: str) -> str:
    """Where to go after logging in: a page of ours, whatever a link says."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if plain and "\\" not in wanted else "/"


@router.get("/login")
async def login(request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> Response:
    """Send the person to the provider, and remember what has to come back with them."""
    state, begun = sessions.secret(), Login(sessions.secret(), sessions.secret(), local_path(next))
    async with _client() as client:
        there = (await _discovered(client))["authorization_endpoint"]
        url, _ = client.create_authorization_url(there, state=state, code_verifier=begun.verifier, nonce=begun.nonce)
    await sessions.begin_login(request.app.state.context.db, state, begun, _now(request))
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
        claims, token, until = await _person(code, begun)
    except (AuthlibBaseError, JoseError, ValidationError, ValueError, KeyError):
        return pages.notice(request, "login_failed", HTTPStatus.FORBIDDEN)
    actor = claims.actor()
    if not actor.roles or (actor.agency and not await gate.is_agency(db, actor.agency)):
        return pages.notice(request, "no_desk", HTTPStatus.FORBIDDEN)
    await sessions.end(db, request.cookies.get(web.cookie("staffetta"), ""))
    key, ends_at = await sessions.begin(db, actor, token, now, until)
    response = RedirectResponse(begun.next, 303)
    web.set_cookie(response, "staffetta", key, int((ends_at - now).total_seconds()))
    response.delete_cookie(web.cookie(IN_HAND), path="/", secure=settings.current().is_secure, httponly=True)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    await sessions.end(request.app.state.context.db, request.cookies.get(web.cookie("staffetta"), ""))
    request.state.session = None
    response = pages.notice(request, "logged_out")
    response.delete_cookie(web.cookie("staffetta"), path="/", secure=settings.current().is_secure, httponly=True)
    return response


def _now(request: Request) -> datetime:
    return edge_now(request.app.state.context.settings)


def _client() -> Any:
    us = settings.current()
    secret = us.client_secret.get_secret_value()
    return AsyncOAuth2Client(
        us.client_id, secret, scope=SCOPE, redirect_uri=us.back, timeout=TIMEOUT_S, trust_env=False,
        verify=authorities(), token_endpoint_auth_method="client_secret_basic" if secret else "none",
        code_challenge_method="S256",
    )  # fmt: skip


async def _discovered(client: Any) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0."""
    issuer = settings.current().issuer.rstrip("/")
    try:
        found = await client.request("GET", f"{issuer}/.well-known/openid-configuration", withhold_token=True)
        known: dict[str, Any] = found.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE) from None
    if known.get("issuer", "").rstrip("/") != issuer:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE)
    return known


async def _person(code: str, begun: Login) -> tuple[Claims, str, datetime]:
    """Who it is, the token for the network's services, and until when the provider vouches for it."""
    async with _client() as client:
        known = await _discovered(client)
        token = await client.fetch_token(known["token_endpoint"], code=code, code_verifier=begun.verifier)
        keys = await client.request("GET", known["jwks_uri"], withhold_token=True)
        claims = _checked(token["id_token"], KeySet.import_key_set(keys.raise_for_status().json()), known, begun)
        if there := known.get("userinfo_endpoint"):
            more = (await client.get(there)).raise_for_status().json()
            if more.get("sub") != claims["sub"]:
                raise ValueError("another person")
            claims = claims | more
    seconds = int(token.get("expires_in") or sessions.LONGEST.total_seconds())
    return Claims.model_validate(claims), str(token["access_token"]), datetime.now(UTC) + timedelta(seconds=seconds)


def _checked(id_token: str, keys: KeySet, known: dict[str, Any], begun: Login) -> dict[str, Any]:
    said = {"iss": known["issuer"], "aud": settings.current().client_id, "nonce": begun.nonce}
    claims = jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
    wanted: Any = {name: {"essential": True, "value": said.get(name)} for name in ("iss", "aud", "exp", "sub", "nonce")}
    jwt.JWTClaimsRegistry(leeway=LEEWAY_S, **wanted).validate(claims)
    return dict(claims)
