"""One intake is one trace: a tree of consumer spans from door to feed, collected over OTLP from all processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.chassis.settings import Settings
from services.chassis.telemetry import ALLOWED
from tests.agency import Agency
from tests.builders import an_intake
from tests.processes import running

pytestmark = pytest.mark.timeout(120)
PERSONAL = ("Amina", "Prova", "1995", "Sintetico", "pa.comune/T-1/1")


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    attributes: tuple[tuple[str, str], ...]
    links: int


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[Span]]]:
    """An OTLP receiver over HTTP; yields its address and the spans that came."""
    spans: list[Span] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length"))
            spans.extend(_spans(await reader.readexactly(length)))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await receive(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", spans
    server.close()


def _spans(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    found = []
    for group in request.resource_spans:
        service = next(a.value.string_value for a in group.resource.attributes if a.key == "service.name")
        found += [_span(service, s) for scope in group.scope_spans for s in scope.spans]
    return found


def _span(service: str, s: Any) -> Span:
    said = tuple((a.key, a.value.string_value or str(a.value.int_value)) for a in s.attributes)
    return Span(service, s.name, s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.kind, said, len(s.links))


async def test_an_intake_is_one_trace_from_the_door_to_the_feed(network: Settings, logs: Path) -> None:
    async with collector() as (url, spans):
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        async with running(network, logs, load=("directory.palermo.json",), environment=tracing):
            agency = Agency("pa.comune", network.kafka_url, f"{network.namespace}-")
            await agency.open()
            await agency.submit(an_intake())
            sent = await agency.event("referral.sent", seconds=40)
            await asyncio.sleep(2)
            await agency.close()

        trace = sent["headers"]["traceparent"].split("-")[1]
        tree = {s.id: s for s in spans if s.trace == trace}
        roots = [s for s in tree.values() if not s.parent]

        assert [s.name for s in roots] == ["process agencies.{agency}.commands"]
        assert all(s.parent in tree for s in tree.values() if s.parent)
        assert {(s.service, s.name) for s in tree.values()} >= {
            ("gateway", "process agencies.{agency}.commands"),
            ("intake", "process intake.commands"),
            ("referral", "process intakes"),
            ("referral", "process referral.commands"),
            ("gateway", "process referrals"),
        }
        journey = sent["headers"]["ce_correlationid"]
        assert all(("staffetta.correlation_id", journey) in s.attributes for s in tree.values() if s.parent)
        assert {name for s in spans for name, _ in s.attributes} <= ALLOWED
        assert not [v for s in spans for _, v in s.attributes if any(p in v for p in PERSONAL)]
