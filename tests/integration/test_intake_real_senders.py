"""The real senders, not what we think that they send: Prometheus, Alertmanager, OpenTelemetry, PagerDuty, CloudEvents.

Prometheus and Alertmanager are Debian's packages; where their programs are not in the path the tests say so.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pagerduty
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from schemas.identity import incident_id
from schemas.records.vocabulary import AlertStatus, Severity
from tests.support.intake import FakeDelivery, intake_over, served
from tests.support.opentelemetry import tell_metrics_and_logs
from tests.support.real_senders import alertmanager, prometheus, scraped
from tests.support.waiting import eventually


@pytest.fixture
def delivery() -> FakeDelivery:
    """Takes everything."""
    return FakeDelivery()


@pytest.fixture
def intake(delivery: FakeDelivery) -> Iterator[str]:
    """`host:port` of an intake."""
    with served(intake_over(delivery)) as address:
        yield address


def test_prometheus_sends_its_alerts_and_its_samples(tmp_path: Path, delivery: FakeDelivery, intake: str) -> None:
    """A rule fires and resolves; the alert is of the service's incident, as its samples are; repetitions make no second one."""
    values = {"errors": 7.0}
    where = incident_id("default", "staging", "checkout")
    with scraped(values) as target, prometheus(tmp_path, intake, target):
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


def test_alertmanager_notifies_of_what_fires_and_resolves(tmp_path: Path, delivery: FakeDelivery, intake: str) -> None:
    """Its webhook, with two alerts in a group of which one resolves."""

    def alert(instance: str, ends_in_s: int) -> dict[str, object]:
        labels = {"alertname": "HighErrorRate", "service": "checkout", "severity": "warning", "instance": instance}
        now = datetime.now(UTC)
        return {"labels": labels, "annotations": {"summary": "Errors"}, "startsAt": START.isoformat(),
                "endsAt": (now + timedelta(seconds=ends_in_s)).isoformat()}  # fmt: skip

    with alertmanager(tmp_path, intake) as url:
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
    tell_metrics_and_logs(intake, "checkout", "staging")
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
