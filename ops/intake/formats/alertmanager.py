"""Alertmanager's webhook, version 4.

Protocol: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from typing import Any

from ops.intake.arrival import Arrival
from ops.intake.errors import BodyRefusedError
from ops.intake.formats.format import Example, Format, Row
from ops.intake.labelled import Labelled, alert_of_labels, bad_field, labels_at, object_of, prefixed, text_at, time_at
from ops.intake.letters import INVALID
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from schemas.records.vocabulary import AlertStatus
from streams.topics import ALERTS

_STATES = {"firing": AlertStatus.FIRING, "resolved": AlertStatus.RESOLVED}
# Members of the envelope that are kept with each alert, and the names that they are kept by.
_GROUP = (
    ("receiver", "alertmanager_receiver"),
    ("externalURL", "alertmanager_url"),
    ("groupKey", "alertmanager_group"),
)


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alerts of a notification.

    Raises:
        BodyRefusedError: it is no JSON, no object, or of another version.
    """
    parsed = parse_json(parcel.body)
    envelope = envelope_of(parsed, parcel)
    if str(envelope.get("version", "4")) != "4":
        raise BodyRefusedError(INVALID, f"version is {envelope['version']!r}; send Alertmanager's version 4.")
    kept = group_of(envelope, _GROUP)

    def take(item: Any, reading: Reading) -> None:
        reading.take(*alert_of_labels(told(item, kept, arrival), arrival))

    return read_items(parcel.body, parsed, "alerts", arrival.rules.max_item_bytes, take, envelope)


def envelope_of(parsed: Any, parcel: Parcel) -> dict[str, Any]:
    """What surrounds the alerts; of one that comes back from the dead letters, what surrounded it then."""
    if isinstance(parsed, dict) and isinstance(parsed.get("alerts"), list):
        return {key: value for key, value in parsed.items() if key != "alerts"}
    kept = parcel.headers.get("intake-envelope")
    found = parse_json(kept.encode("latin-1")) if kept else {}
    return found if isinstance(found, dict) else {}


def group_of(envelope: dict[str, Any], members: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Members of the envelope as labels."""
    found = {ours: text_at(envelope, theirs) for theirs, ours in members}
    return {name: value for name, value in found.items() if value}


def told(item: Any, kept: dict[str, str], arrival: Arrival) -> Labelled:
    """One alert of a notification.

    Raises:
        ItemRefusedError: it has no labels, or a time or the status cannot be read.
    """
    item = object_of(item)
    labels, annotations = labels_at(item, "labels"), labels_at(item, "annotations")
    if not labels:
        raise bad_field("labels", "is missing or empty; give the labels that identify the alert")
    status = _STATES.get(text_at(item, "status").lower())
    if status is None:
        raise bad_field("status", f"is {text_at(item, 'status')[:60]!r}; give firing or resolved")
    started = time_at(item, "startsAt") or arrival.received_at
    ended = time_at(item, "endsAt")
    resolved = status is AlertStatus.RESOLVED
    return Labelled(
        name=labels.get("alertname") or "unnamed",
        status=status,
        labels=labels,
        occurred_at=max(started, ended or arrival.received_at) if resolved else started,
        started_at=started,
        message=message_of(annotations),
        kept=kept
        | prefixed("annotation_", annotations)
        | rest_of(item, ("labels", "annotations", "status"), {"startsAt": "starts_at", "endsAt": "ends_at"}),
    )


def message_of(annotations: dict[str, str]) -> str:
    """What people read: the summary, and the description below it."""
    said = [annotations[name] for name in ("summary", "title", "message", "description") if annotations.get(name)]
    return said[0] if len(said) == 1 else "\n".join(dict.fromkeys(said))


def rest_of(item: dict[str, Any], done: tuple[str, ...], names: dict[str, str]) -> dict[str, str]:
    """Members that have no field of their own, as labels; `names` gives some of them other names."""
    found = {names.get(key, key): text_at(item, key) for key in item if key not in done}
    return {name: value for name, value in found.items() if value}


LABEL_ROWS = (
    Row("alerts[].labels.alertname", "name", "`unnamed` where there is none"),
    Row("alerts[].labels.service", "service", "or the next of the labels in `BREAKWATER_SERVICE_LABELS`; else `unknown`"),
    Row("alerts[].labels.environment", "environment", "or `env`, `stage`, …; else `production`"),
    Row("alerts[].labels.tenant", "tenant", "else the sender's"),
    Row("alerts[].labels.instance", "source", "or `pod`, `host`, `node`"),
    Row("alerts[].labels.severity", "severity", "or `priority`, `level`; any usual word, another is `WARNING`"),
    Row("alerts[].labels.incident_id", "incident_id", "else made of tenant, environment, service and BREAKWATER_INCIDENT_LABELS"),
    Row("alerts[].labels", "fingerprint", "all of them, or those of BREAKWATER_FINGERPRINT_LABELS"),
    Row("alerts[].labels", "labels", "all of them"),
)  # fmt: skip

ALERTMANAGER_FORMAT = Format(
    name="alertmanager",
    path="/v1/alertmanager",
    title="Alertmanager's webhook, version 4: the alerts of a group, firing and resolved.",
    protocol="https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
    topic=ALERTS,
    read=read,
    rows=(
        *LABEL_ROWS,
        Row("alerts[].status", "status", "`firing` or `resolved`"),
        Row("alerts[].startsAt", "occurred_at", "of one that fires; with the fingerprint it makes the alert_id"),
        Row("alerts[].endsAt", "occurred_at", "of one that has resolved"),
        Row("alerts[].annotations", "message", "summary, title, message, description, a line each"),
        Row("alerts[].annotations", "labels", "each as `annotation_…`"),
        Row("alerts[].generatorURL", "labels", "and every other member, under its own name"),
        Row("receiver", "labels", "`alertmanager_receiver`"),
        Row("externalURL", "labels", "`alertmanager_url`"),
        Row("groupKey", "labels", "`alertmanager_group`"),
    ),
    example=Example(
        "prometheus-alertmanager 0.25.0, received from its webhook",
        {"receiver": "breakwater", "status": "firing", "alerts": [
            {"status": "firing", "labels": {"alertname": "HighErrorRate", "service": "checkout", "environment": "staging",
             "severity": "critical", "instance": "checkout-1", "tenant": "acme", "incident_id": "INC-7"},
             "annotations": {"summary": "Errors over 5 %", "runbook": "https://example.org/r"},
             "startsAt": "2024-05-01T12:00:00.123Z", "endsAt": "0001-01-01T00:00:00Z",
             "generatorURL": "http://prometheus:9090/graph?g0.expr=up", "fingerprint": "c3b1a2d4e5f60718"}],
         "groupLabels": {"alertname": "HighErrorRate"}, "commonLabels": {"alertname": "HighErrorRate"},
         "commonAnnotations": {}, "externalURL": "http://alertmanager:9093", "version": "4",
         "groupKey": "{}:{alertname=\"HighErrorRate\"}", "truncatedAlerts": 0},
    ),
    items="alerts",
)  # fmt: skip
