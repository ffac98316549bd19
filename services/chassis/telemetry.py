"""What ops see: one trace from the door to the feed, measurements, JSON log lines, and nothing personal in any."""

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.chassis.messages import Incoming

LOGGED = ("correlation_id", "topic", "partition", "offset", "type", "code", "count", "seconds", "url", "key")

TRACEPARENT = 55
"""Its length. Of a much longer one the library's pattern would make hours of work."""

_correlation: ContextVar[str] = ContextVar("correlation_id", default="")
_span: ContextVar[Span] = ContextVar("span", default=trace.INVALID_SPAN)
_tracer, _w3c = trace.get_tracer("staffetta"), TraceContextTextMapPropagator()


def start(service: str, replica: str) -> None:
    """Export spans and measurements by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT says; log JSON lines to standard output.

    What that takes is loaded for those alone who want it: it takes a while.
    """
    if is_wanted("TRACES"):
        from services.chassis import spans

        trace.set_tracer_provider(spans.exported(service, replica))
    if is_wanted("METRICS"):
        from services.chassis import meters

        metrics.set_meter_provider(meters.exported(service, replica))
    lines = logging.StreamHandler(sys.stdout)
    lines.setFormatter(JsonLines(service, replica))
    logging.basicConfig(level=logging.INFO, handlers=[lines], force=True)
    for noisy in ("aiokafka", "uvicorn.access", "uvicorn.error", "httpx"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL if noisy == "aiokafka" else logging.ERROR)


def is_wanted(signal: str) -> bool:
    """Whether somebody collects TRACES or METRICS of this process, as OpenTelemetry's own variables say."""
    collectors = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return os.environ.get(f"OTEL_{signal}_EXPORTER") != "none" and any(map(os.environ.get, collectors))


def gauge(name: str, unit: str, description: str, read: Callable[[], Iterable[Observation]]) -> None:
    """read: what to tell whenever it is collected; nothing where another worker tells it."""

    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        return read()

    metrics.get_meter("staffetta").create_observable_gauge(name, [observe], unit, description)


@contextmanager
def processing(m: Incoming, ended: list[Callable[[], None]]) -> Iterator[str | None]:
    """The consumer span of one message; yields the `traceparent` of what follows from it.

    A door begins a new trace, linked to the caller's. ended: gets what exports the span, once its effect is stored.
    """
    given = m.headers.get("traceparent") or m.headers.get("ce_traceparent", "")
    theirs, door = _w3c.extract({"traceparent": given[:TRACEPARENT]}), m.topic.kind == "door"
    caller = trace.get_current_span(theirs).get_span_context()
    links = [Link(caller)] if door and caller.is_valid else ()
    span = _tracer.start_span(f"process {m.topic.name}", Context() if door else theirs, SpanKind.CONSUMER, links=links)
    if span.is_recording():
        span.set_attributes(dict(_known(m)))
    tokens, mine = (_correlation.set(m.correlation_id), _span.set(span)), span.get_span_context()
    try:
        yield f"00-{mine.trace_id:032x}-{mine.span_id:016x}-{mine.trace_flags:02x}" if mine.is_valid else None
    finally:
        _correlation.reset(tokens[0])
        _span.reset(tokens[1])
        ended.append(partial(span.end, time.time_ns()))


def belongs_to(journey_id: str) -> None:
    """Told as soon as it is known, of a message that does not say it itself: on its span and in log lines."""
    _correlation.set(journey_id)
    _span.get().set_attribute("staffetta.correlation_id", journey_id)


def _known(m: Incoming) -> Iterator[tuple[str, str | int]]:
    yield "messaging.system", "kafka"
    yield "messaging.operation.type", "process"
    yield "messaging.destination.name", m.topic.name
    yield "messaging.destination.partition.id", str(m.partition)
    yield "messaging.kafka.offset", m.offset
    yield "messaging.message.id", str(m.id)
    if m.correlation_id:
        yield "staffetta.correlation_id", m.correlation_id
    if m.message:
        yield "cloudevents.event_type", m.message.TYPE


class JsonLines(logging.Formatter):
    """One JSON object a line: only our own words and the fields of LOGGED; of an exception its type and frames."""

    def __init__(self, service: str, replica: str) -> None:
        super().__init__()
        self.fixed = {"service": service, "replica": replica}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self.fixed,
            "message": record.getMessage(),
        }
        if correlation_id := _correlation.get():
            line["correlation_id"] = correlation_id
        line |= {name: getattr(record, name) for name in LOGGED if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = [f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in frames[-8:]]
        return json.dumps(line, ensure_ascii=False, default=str)
