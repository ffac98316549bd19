"""Whom we believe at the other end of an https address."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
import pytest_asyncio

from contracts.refusals import Refusal
from services.chassis.settings import Settings
from services.console import asking, openid
from services.http import tokens
from services.http.trust import authorities
from tests.certificates import a_certificate
from tests.services.test_gateway_tokens import EC, a_token


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """What was read in one test is no other's."""
    for kept in (authorities, asking._client):
        kept.cache_clear()
    yield
    for kept in (authorities, asking._client):
        kept.cache_clear()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return a_certificate(tmp_path / "certificate.pem")


@pytest_asyncio.fixture
async def issuer(certificate: Path) -> AsyncIterator[Settings]:
    """Whose keys are at an https address of that certificate."""
    body = json.dumps({"keys": [EC.as_dict(private=False)]}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate)
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served) as server:
        port = server.sockets[0].getsockname()[1]
        yield Settings(
            token_issuer="https://issuer.test",
            token_audience="staffetta",
            token_jwks=f"https://127.0.0.1:{port}/jwks",
        )


async def test_an_issuer_whom_nobody_vouches_for_is_not_believed(issuer: Settings) -> None:
    with pytest.raises(Refusal, match="not_authenticated"):
        await tokens.verify(a_token(), issuer)


async def test_an_authority_of_ones_own_is_believed_where_the_environment_names_it(
    issuer: Settings, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert (await tokens.verify(a_token(), issuer)).agency == "pa.comune"
    async with openid.client() as client:
        assert (await client.request("GET", issuer.token_jwks, withhold_token=True)).status_code == 200


async def test_the_worlds_authorities_are_read_once_however_many_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Mock(wraps=ssl.create_default_context)
    monkeypatch.setattr(ssl, "create_default_context", read)

    clients = [openid.client(), openid.client(), asking._client()]

    assert read.call_count == 1
    for client in clients:
        await client.aclose()
