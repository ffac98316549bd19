"""An OTLP receiver: what all processes of a test say of what they did."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    attributes: tuple[tuple[str, str], ...]
    links: tuple[str, ...]


@dataclass(frozen=True)
class Point:
    """One value of a gauge; instance: the worker that told it."""

    service: str
    instance: str
    name: str
    value: int
    attributes: tuple[tuple[str, str], ...] = ()


@asynccontextmanager
async def collector(points: list[Point] | None = None) -> AsyncIterator[tuple[str, list[Span]]]:
    """An OTLP receiver over HTTP; yields its address and the spans that came. points: where measurements are put."""
    spans: list[Span] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length"))
            body = await reader.readexactly(length)
            if b"/v1/metrics " not in head:
                spans.extend(_spans(body))
            elif points is not None:
                points.extend(_points(body))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await receive(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", spans


def _spans(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    found = []
    for group in request.resource_spans:
        service = next(a.value.string_value for a in group.resource.attributes if a.key == "service.name")
        found += [_span(service, s) for scope in group.scope_spans for s in scope.spans]
    return found


def _points(body: bytes) -> list[Point]:
    found = []
    for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        of = {a.key: a.value.string_value for a in group.resource.attributes}
        for metric in (metric for scope in group.scope_metrics for metric in scope.metrics):
            for told in metric.gauge.data_points:
                said = tuple((a.key, a.value.string_value) for a in told.attributes)
                who = of["service.name"], of["service.instance.id"]
                found.append(Point(*who, metric.name, told.as_int, said))
    return found


def _span(service: str, s: Any) -> Span:
    said = tuple((a.key, a.value.string_value or str(a.value.int_value)) for a in s.attributes)
    ids, links = (s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex()), tuple(x.trace_id.hex() for x in s.links)
    return Span(service, s.name, *ids, s.kind, said, links)
