"""The OpenID provider of one machine: people of the sample directory, chosen from a list, without a password.

It listens on loopback for the console of the same machine. Anywhere else people log in with the provider of their town.
"""

import base64
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.issuer import AUDIENCE, ISSUER
from deploy.local.state import ROOT

CLIENT = "staffetta-console"
VALID_S, CODE_S = 300, 60
REFUSED = JSONResponse({"error": "invalid_grant"}, 400)
"""RFC 6749, 5.2."""
NOBODYS = (("auditor", "Revisore"), ("national", "Direzione nazionale"), ("ops", "Gestione tecnica"))

PAGE = Environment(autoescape=True).from_string(
    """<!doctype html><html lang="it"><head><meta charset="utf-8"><title>Staffetta: chi sei?</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,"></head>
<body><main><h1>Chi sei?</h1><p>Persone dimostrative di questa macchina: nessuna password.</p>
<form method="post" action="/authorize?{{ query }}">{% for sub, name in people %}
<button name="sub" value="{{ sub }}">{{ name }}</button>{% endfor %}</form></main></body></html>"""
)
STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0}main{max-width:40rem;margin:0 auto;padding:1rem}"
    "form{display:grid;gap:.5rem}button{font:inherit;padding:.7rem;text-align:left}"
)


@dataclass(frozen=True, slots=True)
class Given:
    """A code: to whom, and with what it can be exchanged until when."""

    claims: dict[str, Any]
    challenge: str
    nonce: str
    until: float


@dataclass
class Provider:
    """url: where it is reached. back: where codes are sent, and nowhere else. issuer: of the network's tokens.

    given: to whom each refresh token was given; it is good once.
    """

    url: str
    back: str
    key: ECKey
    issuer: str = ISSUER
    audience: str = AUDIENCE
    codes: dict[str, Given] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    def app(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.get("/.well-known/openid-configuration")(self.discovery)
        app.get("/jwks")(self.jwks)
        app.get("/style.css")(style)
        app.get("/authorize")(self.ask)
        app.post("/authorize")(self.give)
        app.post("/token")(self.token)
        return app

    async def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "jwks_uri": f"{self.url}/jwks",
            "token_endpoint": f"{self.url}/token", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"], "token_endpoint_auth_methods_supported": ["none"],
        }  # fmt: skip

    async def jwks(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    async def ask(self, request: Request, redirect_uri: str, client_id: str) -> HTMLResponse:
        self._known(redirect_uri, client_id)
        shown = [(sub, claims["name"]) for sub, claims in people().items()]
        return HTMLResponse(PAGE.render(query=request.url.query, people=shown))

    async def give(
        self, redirect_uri: str, client_id: str, state: str, nonce: str, code_challenge: str,
        code_challenge_method: Annotated[str, Query(pattern="^S256$")], sub: Annotated[str, Form()],
    ) -> RedirectResponse:  # fmt: skip
        self._known(redirect_uri, client_id)
        if sub not in people():
            raise HTTPException(404)
        code = secrets.token_urlsafe(24)
        self.codes[code] = Given(people()[sub], code_challenge, nonce, time.time() + CODE_S)
        return RedirectResponse(f"{redirect_uri}?code={code}&state={state}", 303)

    async def token(
        self, grant_type: Annotated[str, Form()], code: Annotated[str, Form()] = "",
        code_verifier: Annotated[str, Form()] = "", redirect_uri: Annotated[str, Form()] = "",
        refresh_token: Annotated[str, Form()] = "",
    ) -> Any:  # fmt: skip
        if grant_type == "refresh_token":
            claims = people().get(self.given.pop(refresh_token, ""))
            return self._tokens(claims, {}) if claims else REFUSED
        self._known(redirect_uri, CLIENT)
        given, proof = self.codes.pop(code, None), base64.urlsafe_b64encode(sha256(code_verifier.encode()).digest())
        if given is None or given.until < time.time() or proof.decode().rstrip("=") != given.challenge:
            return REFUSED
        return self._tokens(given.claims, {"nonce": given.nonce})

    def _tokens(self, claims: dict[str, Any], asked: dict[str, str]) -> dict[str, Any]:
        now, refresh = int(time.time()), secrets.token_urlsafe(24)
        self.given[refresh] = claims["sub"]
        times = {"iat": now, "exp": now + VALID_S}
        id_token = claims | times | {"iss": self.url, "aud": CLIENT} | asked
        access = claims | times | {"iss": self.issuer, "aud": self.audience}
        signed = {"id_token": self._signed(id_token), "access_token": self._signed(access)}
        return signed | {"refresh_token": refresh, "token_type": "Bearer", "expires_in": VALID_S}

    def _known(self, redirect_uri: str, client_id: str) -> None:
        if redirect_uri != self.back or client_id != CLIENT:
            raise HTTPException(400)

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)


async def style() -> Any:
    return HTMLResponse(STYLE, media_type="text/css")


def people() -> dict[str, dict[str, Any]]:
    """By subject: a caseworker and a supervisor of each agency of Palermo, who coordinates, and who is of no agency."""
    return {claims["sub"]: claims for claims in _people()}


def _people() -> Iterator[dict[str, Any]]:
    sample = json.loads((ROOT / "deploy/local/demo/directory.palermo.json").read_text("utf-8"))
    for agency in sample["agencies"]:
        code, name = agency["code"], agency["name"]["it"]
        yield _of(code, "caseworker", f"Operatrice, {name}")
        yield _of(code, "supervisor", f"Responsabile, {name}")
        if any(queue["kind"] == "coordination" for queue in agency["queues"]):
            yield _of(code, "coordinator", f"Coordinamento, {name}", cities=[agency["city"]])
    for role, name in NOBODYS:
        yield {"sub": role, "name": name, "roles": [role]}


def _of(agency: str, role: str, name: str, **more: list[str]) -> dict[str, Any]:
    return {"sub": f"{agency}:{role}", "name": name, "agency": agency, "roles": [role]} | more


def main() -> None:
    """KEY_FILE: the private JWK that signs; CONSOLE_URL: who may log people in; PROVIDER_PORT: where it listens."""
    told, port = os.environ, int(os.environ["PROVIDER_PORT"])
    key = ECKey.import_key(json.loads(Path(told["KEY_FILE"]).read_text("utf-8")))
    names = told.get("TOKEN_ISSUER") or ISSUER, told.get("TOKEN_AUDIENCE") or AUDIENCE
    provider = Provider(f"http://127.0.0.1:{port}", f"{told['CONSOLE_URL'].rstrip('/')}/login/back", key, *names)
    uvicorn.run(provider.app(), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
