"""The OpenTelemetry SDK, told where to send and nothing else."""

import logging

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource


def tell_metrics_and_logs(intake: str, service: str, environment: str) -> None:
    """Export a counter, a histogram and a line of Python's own logging; returns when they were sent.

    Args:
        intake: `host:port`.
    """
    resource = Resource({"service.name": service, "deployment.environment": environment})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"http://{intake}/v1/metrics"))
    meters = MeterProvider([reader], resource)
    meter = meters.get_meter("test")
    meter.create_counter("orders", unit="1").add(3, {"region": "eu"})
    meter.create_histogram("latency", unit="ms").record(12.5)
    logs = LoggerProvider(resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"http://{intake}/otlp/v1/logs")))
    logger, handler = logging.getLogger("test.otlp"), LoggingHandler(logger_provider=logs)
    logger.addHandler(handler)
    logger.error("heap at %d %%", 83)
    logger.removeHandler(handler)
    meters.shutdown()
    logs.shutdown()
