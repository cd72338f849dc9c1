"""The real senders, not what we think that they send: Prometheus, Alertmanager, OpenTelemetry, PagerDuty, CloudEvents.

Prometheus and Alertmanager are Debian's packages; where their programs are not in the path the tests say so.
"""

import http.server
import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pagerduty
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from schemas.identity import incident_id
from schemas.records.vocabulary import AlertStatus, Severity
from tests.support.intake import FakeDelivery, intake_over, served
from tests.support.waiting import eventually, free_port


@pytest.fixture
def delivery() -> FakeDelivery:
    """Takes everything."""
    return FakeDelivery()


@pytest.fixture
def intake(delivery: FakeDelivery) -> Iterator[str]:
    """`host:port` of an intake."""
    with served(intake_over(delivery)) as address:
        yield address


def program(name: str) -> str:
    """The path of a program, or the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} in the path (Debian's package {name})")
    return found


@contextmanager
def running(*command: str) -> Iterator[None]:
    """A process for the time of the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def scraped(values: dict[str, float]) -> Iterator[str]:
    """A target that Prometheus scrapes: gauges with these values, whatever they become."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "".join(f"{name} {value}\n" for name, value in values.items()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


PROMETHEUS = """
global: {{scrape_interval: 300ms, evaluation_interval: 300ms}}
rule_files: [{folder}/rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["{intake}"]}}]
remote_write:
  - url: http://{intake}/api/v1/write
    queue_config: {{batch_send_deadline: 300ms}}
scrape_configs:
  - job_name: checkout
    static_configs: [{{targets: ["{target}"], labels: {{environment: staging}}}}]
"""
RULES = """
groups:
  - name: checkout
    rules:
      - alert: HighErrorRate
        expr: errors > 5
        labels: {severity: critical}
        annotations: {summary: "Errors at {{ $value }}"}
"""


def test_prometheus_sends_its_alerts_and_its_samples(tmp_path: Path, delivery: FakeDelivery, intake: str) -> None:
    """A rule fires and resolves; the alert is of the service's incident, as its samples are; repetitions make no second one."""
    prometheus, values = program("prometheus"), {"errors": 7.0}
    where = incident_id("default", "staging", "checkout")
    with scraped(values) as target:
        (tmp_path / "rules.yml").write_text(RULES)
        (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(folder=tmp_path, intake=intake, target=target))
        with running(
            prometheus, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{free_port()}", "--rules.alert.resend-delay=300ms",
        ):  # fmt: skip
            eventually(lambda: len(delivery.alerts()) > 0)
            eventually(lambda: sum(point.name == "errors" for point in delivery.records("metrics")) > 3)
            values["errors"] = 1.0
            eventually(lambda: any(alert.status is AlertStatus.RESOLVED for alert in delivery.alerts()))
    fired, ended = delivery.alerts()
    assert (fired.status, fired.severity, fired.name, fired.message) == (
        AlertStatus.FIRING, Severity.CRITICAL, "HighErrorRate", "Errors at 7",
    )  # fmt: skip
    assert fired.incident_id == ended.incident_id == where
    assert (fired.fingerprint, fired.source) == (ended.fingerprint, target)
    points = [point for point in delivery.records("metrics") if point.name == "errors"]
    assert {point.incident_id for point in points} == {where}
    assert {point.value for point in points} >= {7.0}
    assert delivery.letters() == []


ALERTMANAGER = """
route: {{receiver: breakwater, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: breakwater
    webhook_configs: [{{url: "http://{intake}/v1/alertmanager", send_resolved: true}}]
"""


def test_alertmanager_notifies_of_what_fires_and_resolves(tmp_path: Path, delivery: FakeDelivery, intake: str) -> None:
    """Its webhook, with two alerts in a group of which one resolves."""
    alertmanager, port = program("prometheus-alertmanager"), free_port()
    (tmp_path / "alertmanager.yml").write_text(ALERTMANAGER.format(intake=intake))
    url = f"http://127.0.0.1:{port}"

    def alert(instance: str, ends_in_s: int) -> dict[str, object]:
        labels = {"alertname": "HighErrorRate", "service": "checkout", "severity": "warning", "instance": instance}
        now = datetime.now(UTC)
        return {"labels": labels, "annotations": {"summary": "Errors"}, "startsAt": START.isoformat(),
                "endsAt": (now + timedelta(seconds=ends_in_s)).isoformat()}  # fmt: skip

    with running(
        alertmanager, f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ):  # fmt: skip
        eventually(lambda: answers(f"{url}/-/ready"))
        httpx.post(f"{url}/api/v2/alerts", json=[alert("a", 300), alert("b", 300)]).raise_for_status()
        eventually(lambda: len(delivery.alerts()) == 2)
        httpx.post(f"{url}/api/v2/alerts", json=[alert("b", -1)]).raise_for_status()
        eventually(lambda: len(delivery.alerts()) == 3)
    *fired, ended = delivery.alerts()
    assert {one.source for one in fired} == {"a", "b"}
    assert (ended.status, ended.source) == (AlertStatus.RESOLVED, "b")
    assert {one.incident_id for one in delivery.alerts()} == {incident_id("default", "production", "checkout")}
    assert ended.fingerprint in {one.fingerprint for one in fired}
    assert ended.labels["alertmanager_receiver"] == "breakwater"


def test_opentelemetrys_exporter_sends_metrics_and_logs(delivery: FakeDelivery, intake: str) -> None:
    """The SDK, with its base address alone: counters, histograms, and a line of Python's own logging."""
    resource = Resource({"service.name": "checkout", "deployment.environment": "staging"})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"http://{intake}/v1/metrics"))
    meters = MeterProvider([reader], resource)
    meter = meters.get_meter("test")
    meter.create_counter("orders", unit="1").add(3, {"region": "eu"})
    meter.create_histogram("latency", unit="ms").record(12.5)
    logs = LoggerProvider(resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"http://{intake}/otlp/v1/logs")))
    logger = logging.getLogger("test.otlp")
    logger.addHandler(LoggingHandler(logger_provider=logs))
    logger.error("heap at %d %%", 83)
    meters.shutdown()
    logs.shutdown()
    points = {point.name: point for point in delivery.records("metrics")}
    assert (points["orders"].value, points["orders"].service, points["orders"].labels["region"]) == (
        3.0,
        "checkout",
        "eu",
    )
    assert (points["latency_sum"].value, points["latency_count"].value, points["latency_max"].unit) == (12.5, 1.0, "ms")
    (line,) = delivery.records("logs")
    assert line.message.startswith("heap at 83 %")
    assert (line.level, line.incident_id) == (Severity.ERROR, incident_id("default", "staging", "checkout"))
    assert delivery.letters() == []


def test_pagerdutys_client_triggers_acknowledges_and_resolves(delivery: FakeDelivery, intake: str) -> None:
    """Its answers are understood; a bad event raises as with PagerDuty."""
    client = pagerduty.EventsApiV2Client("R0UT1NGKEY")
    client._url = f"http://{intake}"  # its setter takes https alone
    key = client.trigger("disk full", "db-1", severity="critical", custom_details={"service": "orders"})
    client.acknowledge(key)
    client.resolve(key)
    with pytest.raises(pagerduty.Error):
        client.send_event("trigger", payload={"summary": "no source"})
    fired, ended = delivery.alerts()
    (said,) = delivery.records("logs")
    assert (fired.status, ended.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert fired.incident_id == ended.incident_id == said.incident_id
    assert (fired.service, fired.severity, fired.labels["dedup_key"]) == ("orders", Severity.CRITICAL, key)
    assert len(delivery.letters()) == 1


def test_the_cloudevents_sdks_messages_are_taken_in_both_modes(delivery: FakeDelivery, intake: str) -> None:
    """The same event twice, in either mode, is one alert."""
    attributes = {"id": "e-1", "source": "/monitors/7", "type": "com.example.alert", "specversion": "1.0",
                  "subject": "checkout", "time": datetime(2024, 5, 1, tzinfo=UTC),
                  "datacontenttype": "application/json"}  # fmt: skip
    event = CloudEvent(attributes, {"name": "HighErrorRate", "severity": "critical", "message": "Errors over 5 %"})
    for message in (to_binary(event, JSONFormat()), to_structured(event, JSONFormat())):
        assert isinstance(message, HTTPMessage)
        answer = httpx.post(f"http://{intake}/v1/cloudevents", content=message.body, headers=message.headers)
        assert answer.status_code == 202, answer.text
    (alert,) = delivery.alerts()
    assert (alert.service, alert.name, alert.severity) == ("checkout", "HighErrorRate", Severity.CRITICAL)
    assert alert.message == "Errors over 5 %"


START = datetime.now(UTC) - timedelta(minutes=5)


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
