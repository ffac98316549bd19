"""Who speaks over HTTP: a bearer token of the network's issuer says for which agency, and in which roles."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from joserfc.jws import extract_compact
from pydantic import BaseModel, Field

from contracts.refusals import Refusal
from contracts.values import AgencyCode
from services.http.trust import authorities

log = logging.getLogger("staffetta.tokens")

ALGORITHMS = ["ES256", "RS256"]
BEARER = HTTPBearer(bearerFormat="JWT", auto_error=False, description="a token of the network's issuer")
"""For the OpenAPI document alone; `speaker` reads the header itself."""
LEEWAY_S, FRESH_S, UNKNOWN_S = 10, 600, 30


class Issuer(Protocol):
    """What the settings of a process say of who issues tokens; jwks: a file, or an https address, of its keys."""

    @property
    def token_issuer(self) -> str: ...
    @property
    def token_audience(self) -> str: ...
    @property
    def token_jwks(self) -> str: ...


WORKERS = frozenset({"caseworker", "supervisor"})


class Speaker(BaseModel, frozen=True):
    """agency: None for the network's own people. actor: the token's subject."""

    agency: AgencyCode | None = None
    actor: str = Field(alias="sub", min_length=1)
    roles: frozenset[str] = frozenset()

    @property
    def works(self) -> bool:
        """Whether for their agency: as its own system, which has no role, or as a caseworker or supervisor of it."""
        return self.agency is not None and (not self.roles or bool(self.roles & WORKERS))


@dataclass(slots=True)
class Keys:
    """An issuer's public keys: asked for every ten minutes, and for an unknown id, but then not again for 30 s."""

    address: str
    known: dict[str, Key] = field(default_factory=dict)
    asked_at: float = float("-inf")
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, kid: str) -> Key | None:
        async with self.asking:
            age = time.monotonic() - self.asked_at
            if age > FRESH_S or (kid not in self.known and age > UNKNOWN_S):
                self.asked_at = time.monotonic()
                try:
                    self.known = {k.kid: k for k in readable(await _fetched(self.address)) if k.kid}
                except (OSError, ValueError, KeyError, TypeError) as fault:
                    log.error("the issuer's keys cannot be read, those we have stay: %s", type(fault).__name__)
        return self.known.get(kid)


def readable(published: Any) -> Iterator[Key]:
    """Those of an issuer's keys that we can read: it may have others for others (RFC 7517, 5)."""
    for one in published["keys"]:
        try:
            yield JWKRegistry.import_key(one)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as fault:
            log.warning("a key of the issuer cannot be read, and is passed over: %s", type(fault).__name__)


async def _fetched(address: str) -> Any:
    if not address.startswith("https://"):
        return json.loads(await asyncio.to_thread(Path(address).read_bytes))
    import httpx  # here, for most processes need none

    try:
        async with httpx.AsyncClient(timeout=5, verify=authorities()) as client:
            return (await client.get(address)).raise_for_status().json()
    except httpx.HTTPError as fault:
        raise OSError("no answer of the issuer") from fault


keys = cache(Keys)


async def verify(token: str, issuer: Issuer) -> Speaker:
    """Raises Refusal not_authenticated and nothing else: which of its parts is wrong is nobody's business."""
    said = {"iss": issuer.token_issuer, "aud": issuer.token_audience}
    wanted: Any = {name: {"essential": True, "value": said.get(name)} for name in ("iss", "aud", "exp", "sub")}
    try:
        kid = str(extract_compact(token.encode()).headers().get("kid"))
        if key := await keys(issuer.token_jwks).get(kid):
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(leeway=LEEWAY_S, **wanted).validate(claims)
            return Speaker.model_validate(claims)
    except (JoseError, ValueError, TypeError):
        pass
    raise Refusal("not_authenticated")


async def speaker(request: Request, _documented: Annotated[Any, Security(BEARER)] = None) -> Speaker:
    """What an endpoint depends on to know who speaks."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return await verify(token.strip() if scheme.lower() == "bearer" else "", request.app.state.context.settings)
