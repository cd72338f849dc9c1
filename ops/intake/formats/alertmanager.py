"""Alertmanager's webhook, version 4.

Protocol: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from ops.intake.arrival import Arrival
from ops.intake.errors import BodyRefusedError
from ops.intake.formats.format import Example, Format, Row
from ops.intake.formats.notices import envelope_of, label_rows, read_notices, webhook_dialect
from ops.intake.letters import INVALID
from ops.intake.reading import Parcel, Reading, parse_json
from streams.topics import ALERTS

_DIALECT = webhook_dialect(
    "alertmanager",
    group=(
        ("receiver", "alertmanager_receiver"),
        ("externalURL", "alertmanager_url"),
        ("groupKey", "alertmanager_group"),
    ),
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
    return read_notices(_DIALECT, parcel, parsed, envelope, arrival)


ALERTMANAGER_FORMAT = Format(
    name="alertmanager",
    path="/v1/alertmanager",
    title="Alertmanager's webhook, version 4: the alerts of a group, firing and resolved.",
    protocol="https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
    topic=ALERTS,
    read=read,
    rows=(
        *label_rows("alerts[]"),
        Row("alerts[].status", "status", "`firing` or `resolved`"),
        Row("alerts[].endsAt", "occurred_at", "of one that has resolved"),
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
