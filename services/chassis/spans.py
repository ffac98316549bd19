"""Spans leave the process by OTLP, with the attributes that we know and no others."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

ALLOWED = frozenset(
    {
        "messaging.system", "messaging.operation.type", "messaging.operation.name", "messaging.destination.name",
        "messaging.destination.partition.id", "messaging.kafka.offset", "messaging.message.id",
        "cloudevents.event_type", "staffetta.correlation_id",
        "http.request.method", "http.route", "http.response.status_code", "error.type", "staffetta.need.state",
    }
)  # fmt: skip
"""The only attributes that leave a process, whatever a library adds; names are OpenTelemetry's where it has them."""


def exported(service: str, replica: str) -> TracerProvider:
    """To where the standard OTEL_EXPORTER_OTLP_* variables say."""
    provider = TracerProvider(resource=resource(service, replica))
    provider.add_span_processor(BatchSpanProcessor(OnlyAllowed()))
    return provider


def resource(service: str, replica: str) -> Resource:
    """Who says it."""
    named = {"service.name": service, "service.instance.id": replica, "service.namespace": "staffetta"}
    return Resource.create(named)


class OnlyAllowed(OTLPSpanExporter):
    """Paths, queries and addresses may name a person's case: they are dropped before anything is sent."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            span._attributes = {k: v for k, v in (span.attributes or {}).items() if k in ALLOWED}
        return super().export(spans)
