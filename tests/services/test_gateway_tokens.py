"""Who is believed to speak over HTTP, and who is not."""

import base64
import hmac
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import Request
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from contracts.refusals import Refusal
from services.chassis.settings import Settings
from services.http import tokens

EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
STRANGER = ECKey.generate_key("P-256", {"kid": "stranger"})

# 1 January 2000 and 2100: fixed, because a name of a test that holds the clock differs between two runners
LONG_AGO, FAR_AHEAD = 946_684_800, 4_102_444_800


@pytest.fixture
def issuer(tmp_path: Path) -> Settings:
    """An issuer with two keys in a file of its own."""
    settings = Settings(
        token_issuer="https://issuer.test", token_audience="staffetta", token_jwks=str(tmp_path / "jwks.json")
    )
    publishes(settings, EC, RSA)
    return settings


def publishes(issuer: Settings, *keys: Any) -> None:
    """From now on these are the issuer's keys, of which some may be written out; with none, it does not answer."""
    told = [key.as_dict(private=False) if isinstance(key, ECKey | RSAKey) else key for key in keys]
    public = json.dumps({"keys": told})
    Path(issuer.token_jwks).write_text(public if keys else "not now")


def later(issuer: Settings, seconds: float) -> None:
    """The keys were asked for so many seconds longer ago."""
    tokens.keys(issuer.token_jwks).asked_at -= seconds


A_DAY = 86_400
"""Some are made when the tests are collected, which may be long before they run."""


def a_token(key: Any = EC, header: dict[str, Any] | None = None, without: str = "", **claims: Any) -> str:
    given = {"iss": "https://issuer.test", "aud": "staffetta", "sub": "pa.comune:w01", "exp": int(time.time()) + A_DAY}
    given |= {"agency": "pa.comune", "roles": ["agency"]} | claims
    given.pop(without, None)
    return jwt.encode(
        {"alg": "ES256", "kid": key.kid} | (header or {}), given, key, algorithms=["ES256", "RS256", "HS256"]
    )


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


async def is_refused(token: str, issuer: Settings) -> bool:
    try:
        await tokens.verify(token, issuer)
    except Refusal as refusal:
        return (refusal.code, refusal.http_status) == ("not_authenticated", 401)
    return False


@pytest.mark.parametrize("token", [a_token(), a_token(RSA, {"alg": "RS256"}), a_token(aud=["other", "staffetta"])])
async def test_a_token_of_the_issuer_says_who_speaks(issuer: Settings, token: str) -> None:
    who = await tokens.verify(token, issuer)

    assert (who.agency, who.actor, who.roles) == ("pa.comune", "pa.comune:w01", frozenset({"agency"}))


async def test_the_networks_own_people_speak_for_no_agency(issuer: Settings) -> None:
    who = await tokens.verify(a_token(without="agency", sub="network:ops", roles=["ops"]), issuer)

    assert who.agency is None
    assert who.roles == {"ops"}


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": LONG_AGO},
        {"exp": "tomorrow"},
        {"nbf": FAR_AHEAD},
        {"iss": "https://other.test"},
        {"iss": ["https://issuer.test"]},
        {"aud": "other"},
        {"aud": ["other"]},
        {"sub": ""},
        {"agency": "PA Comune"},
        {"agency": 7},
        {"agency": "../x"},
        {"roles": "ops"},
        {"without": "exp"},
        {"without": "iss"},
        {"without": "aud"},
        {"without": "sub"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_now_is_not_believed(issuer: Settings, claims: dict[str, Any]) -> None:
    assert await is_refused(a_token(**claims), issuer)


async def test_a_token_of_a_stranger_is_not_believed(issuer: Settings) -> None:
    assert await is_refused(a_token(STRANGER), issuer)
    assert await is_refused(a_token(STRANGER, {"kid": "ec"}), issuer)
    assert await is_refused(a_token(EC, {"kid": "unknown"}), issuer)


@pytest.mark.parametrize("secret", [RSA.as_pem(private=False), json.dumps(RSA.as_dict(private=False)).encode()])
async def test_the_public_key_is_no_secret_to_sign_with(issuer: Settings, secret: bytes) -> None:
    signed = f"{encoded({'alg': 'HS256', 'kid': 'rsa'})}.{a_token().split('.')[1]}"
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).decode().rstrip("=")

    assert await is_refused(f"{signed}.{signature}", issuer)


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES384", ""])
async def test_a_token_cannot_choose_how_it_is_checked(issuer: Settings, alg: str) -> None:
    _, claims, signature = a_token().split(".")
    header = encoded({"alg": alg, "kid": "ec"})

    assert await is_refused(f"{header}.{claims}.{signature}", issuer)
    assert await is_refused(f"{header}.{claims}.", issuer)


async def test_a_changed_token_is_not_believed(issuer: Settings) -> None:
    header, _, signature = a_token().split(".")
    _, other_claims, _ = a_token(agency="pa.accura").split(".")

    assert await is_refused(f"{header}.{other_claims}.{signature}", issuer)


@runs(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text() | st.lists(st.binary(max_size=40), min_size=3, max_size=3).map(
    lambda parts: ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)
))  # fmt: skip
async def test_whatever_stands_for_a_token_it_is_refused(issuer: Settings, token: str) -> None:
    assert await is_refused(token, issuer)


@pytest.mark.parametrize("header", ["", "Basic {}", "Bearer", "{}"])
async def test_only_a_bearer_token_is_looked_at(issuer: Settings, header: str) -> None:
    with pytest.raises(Refusal):
        await tokens.speaker(a_request(header.format(a_token()), issuer))


async def test_the_word_bearer_may_be_written_as_one_likes(issuer: Settings) -> None:
    who = await tokens.speaker(a_request(f"bearer {a_token()}", issuer))

    assert who.agency == "pa.comune"


def a_request(authorization: str, settings: Settings) -> Request:
    state = SimpleNamespace(context=SimpleNamespace(settings=settings))
    return cast(Request, SimpleNamespace(headers={"authorization": authorization}, app=SimpleNamespace(state=state)))


async def test_a_new_key_is_found_and_an_unknown_one_is_asked_for_only_once(issuer: Settings) -> None:
    await tokens.verify(a_token(), issuer)
    publishes(issuer, STRANGER)

    assert await is_refused(a_token(STRANGER), issuer)
    later(issuer, tokens.UNKNOWN_S)
    assert (await tokens.verify(a_token(STRANGER), issuer)).agency == "pa.comune"


async def test_when_the_issuer_does_not_answer_the_keys_we_have_stay(issuer: Settings) -> None:
    await tokens.verify(a_token(), issuer)
    publishes(issuer)
    later(issuer, tokens.FRESH_S)

    assert (await tokens.verify(a_token(), issuer)).agency == "pa.comune"


async def test_a_key_that_the_issuer_took_back_is_forgotten(issuer: Settings) -> None:
    await tokens.verify(a_token(), issuer)
    publishes(issuer, RSA)

    assert not await is_refused(a_token(), issuer)
    later(issuer, tokens.FRESH_S)
    assert await is_refused(a_token(), issuer)


@pytest.mark.parametrize(
    "strange",
    [
        {"kty": "EC", "crv": "BP-256", "x": "AA", "y": "AA", "kid": "strange"},
        {"kty": "EC", "crv": "P-256", "x": "?", "y": "AA", "kid": "strange"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "strange"},
        {"kty": "of a later time", "kid": "strange"},
        {"kid": "strange"},
        "strange",
    ],
)
async def test_one_key_that_nobody_here_can_read_keeps_none_of_the_others_out(issuer: Settings, strange: Any) -> None:
    """RFC 7517, 5: an issuer may publish keys for others too."""
    publishes(issuer, EC, strange, RSA)

    assert (await tokens.verify(a_token(), issuer)).agency == "pa.comune"
    assert (await tokens.verify(a_token(RSA, {"alg": "RS256"}), issuer)).agency == "pa.comune"
