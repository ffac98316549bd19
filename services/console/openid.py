"""The OpenID provider of the network: who somebody is, and the token with which the console speaks for them."""

import asyncio
import time
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from contracts.values import AgencyCode
from services.console import sessions, settings
from services.console.domain.access import ROLES, Actor
from services.console.sessions import Login, Token
from services.http.tokens import readable
from services.http.trust import authorities

with warnings.catch_warnings():
    # it would rather use a fork of httpx; the one it was written for is the one that we pin
    warnings.simplefilter("ignore")
    from authlib.common.errors import AuthlibBaseError
    from authlib.integrations.httpx_client import AsyncOAuth2Client

ALGORITHMS = ["ES256", "RS256"]
TIMEOUT_S, RENEWAL_S, LEEWAY_S = 5, 10, 10
FRESH_S = 600
"""How long what the provider publishes of itself is kept; its keys are asked for before, for a token that none fits."""
AWAY = frozenset({"server_error", "temporarily_unavailable"})
"""What a provider answers that could not decide (RFC 6749); anything else is a refusal."""


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


@dataclass(frozen=True, slots=True)
class Vouched:
    """actor: who it is; None where a provider that gave another token said nothing of the person."""

    actor: Actor | None
    token: Token


class Refused(Exception):
    """The provider does not vouch for this person, or says what cannot be believed."""


class Away(Exception):
    """The provider could not be asked."""


async def where_to_log_in(state: str, begun: Login, *, anew: bool) -> str:
    """anew: who is there has to say who they are, even if the provider knows this browser (OpenID Connect 3.1.2.1)."""
    how = {"prompt": "login"} if anew else {"max_age": int(sessions.LONGEST.total_seconds())}
    async with client() as asking:
        there = (await _discovered(asking))["authorization_endpoint"]
        url, _ = asking.create_authorization_url(
            there, state=state, code_verifier=begun.verifier, nonce=begun.nonce, **how
        )
    return str(url)


async def person(code: str, begun: Login, now: datetime) -> tuple[Actor, Token]:
    """Who has come back with this code. Raises Refused."""
    try:
        async with client() as asking:
            known = await _discovered(asking)
            given = await asking.fetch_token(known["token_endpoint"], code=code, code_verifier=begun.verifier)
            claims = await _said(asking, known, given["id_token"], begun.nonce)
            return Claims.model_validate(claims).actor(), _token(given, now)
    except httpx.HTTPError:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE) from None
    except (AuthlibBaseError, JoseError, ValidationError, ValueError, KeyError) as wrong:
        raise Refused from wrong


async def renewed(subject: str, token: Token, now: datetime) -> Vouched:
    """The next token, and who the person is now: what was taken from them there is gone here. Raises Refused, Away."""
    try:
        async with asyncio.timeout(RENEWAL_S), client() as asking:
            known = await _discovered(asking)
            given = await asking.refresh_token(known["token_endpoint"], refresh_token=token.refresh)
            following = _token(given, now)
            if not (given.get("id_token") or known.get("userinfo_endpoint")):
                return Vouched(None, following)
            claims = await _said(asking, known, given.get("id_token"))
        if claims.get("sub") != subject:
            raise Refused
        return Vouched(Claims.model_validate(claims).actor(), following)
    except AuthlibBaseError as wrong:
        raise (Away if wrong.error in AWAY else Refused) from wrong
    except (JoseError, ValidationError) as wrong:
        raise Refused from wrong
    except (HTTPException, httpx.HTTPError, TimeoutError, ValueError, KeyError) as wrong:
        raise Away from wrong


def client() -> Any:
    us = settings.current()
    secret = us.client_secret.get_secret_value()
    return AsyncOAuth2Client(
        us.client_id, secret, scope=us.scope, redirect_uri=us.back, timeout=TIMEOUT_S, trust_env=False,
        verify=authorities(), token_endpoint_auth_method="client_secret_basic" if secret else "none",
        code_challenge_method="S256",
    )  # fmt: skip


async def _discovered(asking: Any) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0."""
    issuer = settings.current().issuer.rstrip("/")
    address = f"{issuer}/.well-known/openid-configuration"
    try:
        known = await _published(asking, address, FRESH_S)
    except (httpx.HTTPError, ValueError):
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE) from None
    if known.get("issuer", "").rstrip("/") != issuer:
        _kept.pop(address, None)
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE)
    return known


_kept: dict[str, tuple[float, dict[str, Any]]] = {}
"""By address, what was found there, and when."""


async def _published(asking: Any, address: str, fresh_s: float) -> dict[str, Any]:
    asked_at, found = _kept.get(address, (float("-inf"), {}))
    if time.monotonic() - asked_at >= fresh_s:
        found = (await asking.request("GET", address, withhold_token=True)).raise_for_status().json()
        _kept[address] = time.monotonic(), found
    return found


async def _said(asking: Any, known: dict[str, Any], id_token: str | None, nonce: str | None = None) -> dict[str, Any]:
    """All that it says of the person. nonce: of the login; a token that comes later may have none."""
    claims: dict[str, Any] = {}
    if id_token:
        try:
            claims = checked(id_token, await _keys(asking, known, FRESH_S), known, nonce)
        except (InvalidKeyIdError, BadSignatureError):
            claims = checked(id_token, await _keys(asking, known, 0), known, nonce)
    if there := known.get("userinfo_endpoint"):
        more = (await asking.get(there)).raise_for_status().json()
        if more.get("sub") != claims.get("sub", more.get("sub")):
            raise Refused  # another person
        claims = claims | more
    return claims


async def _keys(asking: Any, known: dict[str, Any], fresh_s: float) -> KeySet:
    return KeySet([*readable(await _published(asking, known["jwks_uri"], fresh_s))])


def checked(id_token: str, keys: KeySet, known: dict[str, Any], nonce: str | None) -> dict[str, Any]:
    """The claims of a token that the provider gave to us. Raises JoseError, ValueError."""
    said = {"iss": known["issuer"], "aud": settings.current().client_id} | ({"nonce": nonce} if nonce else {})
    claims = jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
    wanted: Any = {name: {"essential": True, "value": said.get(name)} for name in (*said, "exp", "sub")}
    jwt.JWTClaimsRegistry(leeway=LEEWAY_S, **wanted).validate(claims)
    return dict(claims)


def _token(given: dict[str, Any], now: datetime) -> Token:
    seconds = int(given.get("expires_in") or sessions.LONGEST.total_seconds())
    return Token(str(given["access_token"]), now + timedelta(seconds=seconds), str(given.get("refresh_token") or ""))
