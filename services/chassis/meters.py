"""Measurements leave the process by OTLP, with the attributes that we know and no others."""

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import View

from services.chassis.spans import ALLOWED, resource


def exported(service: str, replica: str) -> MeterProvider:
    """To where the standard OTEL_EXPORTER_OTLP_* variables say, every OTEL_METRIC_EXPORT_INTERVAL milliseconds.

    Not once more at the end: a collector that is away would hold up the stop.
    """
    only_allowed = View(instrument_name="*", attribute_keys=set(ALLOWED))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return MeterProvider([reader], resource(service, replica), shutdown_on_exit=False, views=[only_allowed])
