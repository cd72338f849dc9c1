"""Every format becomes the record of its contract."""

from typing import Any

import pytest

from ops.intake.arrival import Arrival
from ops.intake.formats import BY_PATH
from ops.intake.formats.native import record_of
from ops.intake.models import Sent
from schemas.errors import InvalidInputError
from schemas.identity import alert_fingerprint, incident_id, series_id
from schemas.records.vocabulary import AlertStatus, Severity, Tier

NOW = 1_700_000_000_000


def read(path: str, item: object) -> Any:
    """The record of an item that arrived now."""
    shape = BY_PATH[path].shape
    assert shape is not None
    assert issubclass(shape, Sent)
    return record_of(shape, item, Arrival(NOW, lambda: "new-id"))


def test_the_plain_payload_is_an_alert_of_its_container() -> None:
    """`{incident_id, container_name, alert_type, severity, logs, timestamp}` on /webhook."""
    alert = read(
        "/webhook",
        {
            "incident_id": "INC-7",
            "container_name": "checkout",
            "alert_type": "HighMemory",
            "severity": "critical",
            "logs": ["heap at 83 %", "GC overhead"],
            "timestamp": "2022-01-15T02:32:32Z",
        },
    )
    assert (alert.incident_id, alert.service, alert.name) == ("INC-7", "checkout", "HighMemory")
    assert (alert.severity, alert.status) == (Severity.CRITICAL, AlertStatus.FIRING)
    assert alert.message == "heap at 83 %\nGC overhead"
    assert (alert.occurred_at, alert.received_at) == (1642213952000, NOW)


def test_an_alert_needs_a_service_and_a_name_only() -> None:
    """Everything else has a default or is derived, alike wherever it is done."""
    alert = read("/v1/alerts", {"service": "checkout", "name": "HighMemory"})
    assert alert.incident_id == incident_id("default", "production", "checkout")
    assert alert.fingerprint == alert_fingerprint("default", "production", "checkout", "HighMemory", "")
    assert (alert.alert_id, alert.tier, alert.severity) == ("new-id", Tier.SUPPORTING, Severity.WARNING)
    assert alert.occurred_at == NOW


def test_what_the_source_gives_is_kept() -> None:
    """Its ids outrank ours."""
    given = {
        "alert_id": "a-1", "incident_id": "i-1", "tenant": "acme", "environment": "staging", "service": "s", "name": "n",
        "severity": "info", "status": "resolved", "tier": "critical", "fingerprint": "f", "source": "node-1",
        "occurred_at": 1642213952, "message": "m", "labels": {"zone": 1}, "correlation_id": "c-1",
    }  # fmt: skip
    alert = read("/v1/alerts", given)
    assert (alert.alert_id, alert.incident_id, alert.fingerprint, alert.correlation_id) == ("a-1", "i-1", "f", "c-1")
    assert (alert.tenant, alert.environment, alert.tier) == ("acme", "staging", Tier.CRITICAL)
    assert (alert.status, alert.labels, alert.occurred_at) == (AlertStatus.RESOLVED, {"zone": "1"}, 1642213952000)


def test_null_and_blank_count_as_not_given() -> None:
    """Serializers write null for what they do not have."""
    alert = read("/v1/alerts", {"service": "s", "name": "n", "severity": None, "tenant": "", "timestamp": None})
    assert (alert.severity, alert.tenant, alert.occurred_at) == (Severity.WARNING, "default", NOW)


def test_a_metric_is_keyed_by_its_series() -> None:
    """Labels are part of it, in any order."""
    point = read("/v1/metrics", {"service": "s", "name": "m", "value": "1.5", "labels": {"b": "2", "a": "1"}})
    assert point.series == series_id("default", "production", "s", "m", {"a": "1", "b": "2"})
    assert point.value == 1.5


def test_a_log_line_belongs_to_its_services_incident() -> None:
    """So that diagnosis finds it."""
    line = read("/v1/logs", {"service": "s", "message": "heap at 83 %", "level": "warn"})
    assert (line.incident_id, line.level) == (incident_id("default", "production", "s"), Severity.WARNING)


def test_an_edge_names_both_ends() -> None:
    """And may be taken back."""
    edge = read("/v1/topology", {"service": "cart", "depends_on": "checkout", "removed": "true"})
    assert (edge.service, edge.depends_on, edge.removed) == ("cart", "checkout", True)


@pytest.mark.parametrize(
    ("path", "item", "told"),
    [
        ("/webhook", {"container_name": "c"}, "alert_type is missing"),
        ("/v1/alerts", {"service": "s", "name": "n", "severity": "so so"}, "severity is 'so so'; give info"),
        ("/v1/alerts", {"service": " ", "name": "n"}, "service is empty"),
        ("/v1/alerts", {"service": {"a": 1}, "name": "n"}, "service is {'a': 1}; give a text"),
        ("/v1/alerts", {"service": "s", "name": "n", "time": "soon"}, "time is 'soon'; give ISO 8601"),
        ("/v1/alerts", {"service": "s", "name": "n", "labels": [1]}, "labels is [1]; give an object"),
        ("/v1/alerts", {"service": "s" * 257, "name": "n"}, "service has 257 characters"),
        ("/v1/alerts", 7, "The item is 7; give an object"),
        ("/v1/metrics", {"service": "s", "name": "n", "value": "NaN"}, "value is 'NaN'; give a finite number"),
        ("/v1/topology", {"service": "s", "depends_on": "s"}, "depends_on is the service itself"),
    ],
)
def test_what_cannot_be_mapped_is_named(path: str, item: object, told: str) -> None:
    """The sender learns which field, what it is and what it should be."""
    with pytest.raises(InvalidInputError) as refusal:
        read(path, item)
    assert told in str(refusal.value)


def test_every_fault_of_an_item_is_named_at_once() -> None:
    """One round trip, not one for each field."""
    with pytest.raises(InvalidInputError, match=r"name is missing.*severity is"):
        read("/v1/alerts", {"service": "s", "severity": "so so"})
