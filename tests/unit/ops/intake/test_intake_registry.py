"""Every format's own example and mapping table are true: what the page says is what the code does."""

from dataclasses import fields
from typing import Any

import orjson
import pytest

from ops.intake.arrival import Arrival
from ops.intake.formats import BY_PATH, FORMATS, Format, chosen
from ops.intake.reading import Parcel
from schemas.records.intake import Alert, LogLine, MetricPoint, TopologyEdge
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import AlertStatus, Severity

NOW = 1_800_000_000_000
RECORDS = {"alerts": Alert, "metrics": MetricPoint, "logs": LogLine, "topology": TopologyEdge}
WITH_EXAMPLE = [known for known in FORMATS if known.example.body is not None]


def arrival(**more: Any) -> Arrival:
    """Arrived now; ids are all alike."""
    return Arrival(NOW, lambda: "made-id", **more)


def read(known: Format, body: Any, headers: dict[str, str] | None = None) -> list[Any]:
    """The records of a body of which nothing is refused."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    reading = known.read(Parcel(raw, headers or known.example.headers), arrival())
    assert reading.refusals == []
    assert len(reading.records) == len(reading.identities) == len(reading.places)
    return reading.records


def there(node: Any, path: list[str]) -> bool:
    """Whether a body has a member by a path such as `alerts[].labels.name`."""
    if not path:
        return True
    name, rest = path[0], path[1:]
    many = name.endswith("[]")
    found = node if name == "[]" else node.get(name.removesuffix("[]")) if isinstance(node, dict) else None
    if isinstance(found, str) and rest:
        found = orjson.loads(found)
    return any(there(item, rest) for item in found) if many and found else found is not None and there(found, rest)


@pytest.mark.parametrize("known", WITH_EXAMPLE, ids=lambda known: known.name)
def test_an_example_is_taken_whole(known: Format) -> None:
    """Every item of it becomes records of the topic's contract."""
    assert {type(record) for record in read(known, known.example.body)} == {RECORDS[known.topic.name]}


@pytest.mark.parametrize("known", WITH_EXAMPLE, ids=lambda known: known.name)
def test_the_fields_that_a_mapping_table_names_are_in_the_example_and_in_the_contract(known: Format) -> None:
    """No row speaks of a field that nobody sends or nobody has."""
    ours = {field.name for field in fields(RECORDS[known.topic.name])}
    for row in known.rows:
        assert set(row.ours.split(", ")) <= ours, row
        names = row.theirs.replace(", or ", ", ").replace(" or ", ", ").split(", ")
        if not row.theirs.startswith("("):
            assert any(there(known.example.body, name.split(".")) for name in names) or row.theirs in (
                "status", "tier", "correlation_id", "fingerprint", "series", "incident_id", "tenant", "environment", "removed",
                "occurred_at, timestamp or time", "source",
            ), row  # fmt: skip


def test_paths_are_unique_and_each_format_names_its_protocols_page() -> None:
    """Two formats at one path would be one too many."""
    assert len(BY_PATH) == len(FORMATS)
    assert all(known.protocol.startswith("https://") and known.title.endswith(".") for known in FORMATS)


@pytest.mark.parametrize("path", ["/v1/alertmanager", "/api/v2/alerts", "/v1/grafana"])
def test_labelled_alerts_map_alike_whoever_sends_them(path: str) -> None:
    """Service, environment, tenant, severity and incident come from the labels; nothing of them is lost."""
    alert = read(BY_PATH[path], BY_PATH[path].example.body)[0]
    assert (alert.service, alert.tenant, alert.source) == ("checkout", "acme", "checkout-1")
    assert (alert.status, alert.incident_id) == (
        AlertStatus.FIRING if path != "/api/v2/alerts" else alert.status,
        "INC-7",
    )
    assert alert.severity in (Severity.CRITICAL, Severity.ERROR)
    assert alert.labels["instance"] == "checkout-1"
    assert alert.labels["annotation_summary"] in alert.message


def test_the_same_labels_have_one_fingerprint_by_alertmanager_and_by_prometheus() -> None:
    """So a resolution by one path ends what fired by the other."""
    by_webhook = read(BY_PATH["/v1/alertmanager"], BY_PATH["/v1/alertmanager"].example.body)[0]
    direct = read(BY_PATH["/api/v2/alerts"], BY_PATH["/api/v2/alerts"].example.body)[0]
    assert by_webhook.fingerprint == direct.fingerprint


def test_a_resolved_alert_is_of_the_same_condition_and_incident_and_later() -> None:
    """It ends what fired; a firing with another start is another alert."""
    known = BY_PATH["/v1/alertmanager"]
    item = known.example.body["alerts"][0]
    ended = item | {"status": "resolved", "endsAt": "2024-05-01T12:30:00Z"}
    again = item | {"startsAt": "2024-05-01T13:00:00Z"}
    first, last, next_one = read(known, known.example.body | {"alerts": [item, ended, again]})
    assert (first.fingerprint, first.incident_id) == (last.fingerprint, last.incident_id)
    assert (last.status, last.occurred_at - first.occurred_at) == (AlertStatus.RESOLVED, 30 * 60_000 - 123)
    assert len({first.alert_id, last.alert_id, next_one.alert_id}) == 3
    assert first.fingerprint == next_one.fingerprint


def test_prometheus_resolves_by_an_end_that_has_come() -> None:
    """While it fires its end lies ahead and moves; the repetition is the same alert."""
    known = BY_PATH["/api/v2/alerts"]
    item = known.example.body[0]
    firing = item | {"endsAt": "2030-01-01T00:00:00Z"}
    repeated = item | {"endsAt": "2030-01-01T00:01:00Z"}
    first, second, third = read(known, [firing, repeated, item])
    assert first == second
    assert (first.status, third.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)


def test_pagerduty_resolves_by_the_dedup_key_alone() -> None:
    """A resolve has no payload; routing keys of two integrations do not mix, and are kept nowhere."""
    known = BY_PATH["/v2/enqueue"]
    trigger = known.example.body
    (fired,) = read(known, trigger)
    (ended,) = read(known, {"routing_key": "samplekeyhere", "event_action": "resolve", "dedup_key": "samplekeyhere"})
    (other,) = read(known, trigger | {"routing_key": "another"})
    said, told = read(
        known, {"routing_key": "samplekeyhere", "event_action": "acknowledge", "dedup_key": "samplekeyhere"}
    )
    assert (fired.incident_id, fired.fingerprint) == (ended.incident_id, ended.fingerprint)
    assert (fired.status, ended.status, fired.service) == (AlertStatus.FIRING, AlertStatus.RESOLVED, "mysql")
    assert other.incident_id != fired.incident_id
    assert isinstance(said, LogLine)
    assert isinstance(told, IncidentCommand)
    assert said.incident_id == told.incident_id == fired.incident_id
    assert (told.type, told.episode) == ("IncidentAcknowledged", 0)
    assert "another" not in repr(other)


def test_a_cloudwatch_alarm_resolves_when_it_is_ok() -> None:
    """The same alarm, the same condition; its service is the dimension's."""
    known = BY_PATH["/v1/sns"]
    envelope = known.example.body
    message = orjson.loads(envelope["Message"])
    (fired,) = read(known, envelope)
    ok = {"NewStateValue": "OK", "StateChangeTime": "2024-05-01T12:10:00.000+0000"}
    (ended,) = read(known, envelope | {"Message": orjson.dumps(message | ok).decode()})
    assert (fired.status, ended.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert (fired.service, fired.fingerprint, fired.incident_id) == ("checkout", ended.fingerprint, ended.incident_id)
    assert fired.labels["cloudwatch_trigger_Threshold"] == "5.0"


@pytest.mark.parametrize(
    ("change", "status", "severity"),
    [
        ({}, AlertStatus.FIRING, Severity.ERROR),
        ({"alert_transition": "Recovered", "title": "[Recovered on {host:web-1}] CPU is high"}, AlertStatus.RESOLVED,
         Severity.ERROR),
        ({"alert_transition": None, "title": "[Recovered] CPU is high"}, AlertStatus.RESOLVED, Severity.ERROR),
        ({"alert_priority": None, "alert_type": "warning"}, AlertStatus.FIRING, Severity.WARNING),
    ],
)  # fmt: skip
def test_datadogs_transition_says_whether_it_fires(
    change: dict[str, Any], status: AlertStatus, severity: Severity
) -> None:
    """By its variable, else by the bracket of the title; the condition stays the same."""
    known = BY_PATH["/v1/datadog"]
    (first,) = read(known, known.example.body)
    (alert,) = read(known, {k: v for k, v in (known.example.body | change).items() if v is not None})
    assert (alert.status, alert.severity, alert.name) == (status, severity, "CPU is high")
    assert (alert.service, alert.environment, alert.fingerprint) == ("checkout", "staging", first.fingerprint)


def test_otlps_own_paths_are_told_from_the_native_ones_by_the_body() -> None:
    """An exporter that is given the base address finds them."""
    native, otlp = BY_PATH["/v1/metrics"], BY_PATH["/otlp/v1/metrics"]
    assert chosen(native, Parcel(b'[{"service": "s"}]')) is native
    assert chosen(native, Parcel(b"\x0a", {"content-type": "application/x-protobuf"})) is otlp
    assert chosen(native, Parcel(orjson.dumps(otlp.example.body))) is otlp
    assert chosen(BY_PATH["/v1/logs"], Parcel(b'{"resourceLogs":[]}')) is BY_PATH["/otlp/v1/logs"]


def test_an_alerts_unknown_members_are_kept_among_its_labels() -> None:
    """Nothing is dropped in silence."""
    (alert,) = read(BY_PATH["/v1/alerts"], {"service": "s", "name": "n", "team": "shop", "labels": {"zone": "a"}})
    assert alert.labels == {"zone": "a", "team": "shop"}


def test_json_lines_are_items_each() -> None:
    """A bad line is refused alone, with its exact bytes."""
    body = b'{"service": "a", "name": "n"}\n\n{"service"\r\n{"service": "b", "name": "n"}'
    reading = BY_PATH["/v1/alerts"].read(Parcel(body, {"content-type": "application/x-ndjson"}), arrival())
    assert [record.service for record in reading.records] == ["a", "b"]
    assert [(r.index, r.reason, r.value) for r in reading.refusals] == [(1, "not_json", b'{"service"\r')]


def test_of_a_bad_field_the_name_is_told() -> None:
    """In the sentence, and by itself."""
    reading = BY_PATH["/v1/alerts"].read(Parcel(b'{"service": "s", "severity": "loud"}'), arrival())
    assert set(reading.refusals[0].fields) == {"name", "severity"}


def test_what_a_native_metric_or_line_says_beside_stays_in_its_record() -> None:
    """A metric's becomes labels, and so part of its series; a line's stands behind its message."""
    (point,) = read(
        BY_PATH["/v1/metrics"], {"service": "s", "metric": "m", "value": 1, "host": "a", "labels": {"zone": "b"}}
    )
    (line,) = read(BY_PATH["/v1/logs"], {"service": "s", "log": "full", "trace_id": "ab", "rest": {"of": "it"}})
    assert isinstance(point, MetricPoint)
    assert point.labels == {"host": "a", "zone": "b"}
    assert isinstance(line, LogLine)
    assert line.message == 'full trace_id=ab rest="{\\"of\\":\\"it\\"}"'
