"""Grafana's webhook contact point: Alertmanager's notification with Grafana's members.

Protocol: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from typing import Any

from ops.intake.arrival import Arrival
from ops.intake.formats.alertmanager import LABEL_ROWS, envelope_of, group_of, told
from ops.intake.formats.format import Example, Format, Row
from ops.intake.labelled import alert_of_labels
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from streams.topics import ALERTS

_GROUP = (
    ("receiver", "grafana_receiver"), ("externalURL", "grafana_url"), ("groupKey", "grafana_group"), ("orgId", "grafana_org"),
    ("title", "grafana_title"),
)  # fmt: skip


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alerts of a notification; values, dashboards and silences stay among their labels.

    Raises:
        BodyRefusedError: it is no JSON.
    """
    parsed = parse_json(parcel.body)
    envelope = envelope_of(parsed, parcel)
    kept = group_of(envelope, _GROUP)

    def take(item: Any, reading: Reading) -> None:
        reading.take(*alert_of_labels(told(item, kept, arrival), arrival))

    return read_items(parcel.body, parsed, "alerts", arrival.rules.max_item_bytes, take, envelope)


GRAFANA_FORMAT = Format(
    name="grafana",
    path="/v1/grafana",
    title="Grafana's webhook contact point: the alerts of a group, firing and resolved.",
    protocol=(
        "https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/"
        "integrations/webhook-notifier/"
    ),
    topic=ALERTS,
    read=read,
    rows=(
        *LABEL_ROWS,
        Row("alerts[].status", "status", "`firing` or `resolved`"),
        Row("alerts[].startsAt", "occurred_at", "of one that fires; with the fingerprint it makes the alert_id"),
        Row("alerts[].endsAt", "occurred_at", "of one that has resolved"),
        Row("alerts[].annotations", "message", "summary, title, message, description, a line each"),
        Row("alerts[].annotations", "labels", "each as `annotation_…`"),
        Row("alerts[].values", "labels", "as JSON"),
        Row("alerts[].dashboardURL", "labels", "and every other member, under its own name"),
        Row("orgId", "labels", "`grafana_org`"),
        Row("title", "labels", "`grafana_title`"),
        Row("receiver", "labels", "`grafana_receiver`"),
        Row("groupKey", "labels", "`grafana_group`"),
        Row("externalURL", "labels", "`grafana_url`"),
    ),
    example=Example(
        "the webhook notifier's page of Grafana's documentation",
        {"receiver": "My Super Webhook", "status": "firing", "orgId": 1, "alerts": [
            {"status": "firing",
             "labels": {"alertname": "High memory usage", "team": "blue", "zone": "us-1", "service": "checkout",
                        "environment": "production", "severity": "high", "instance": "checkout-1", "tenant": "acme",
                        "incident_id": "INC-7"},
             "annotations": {"description": "The system has high memory usage",
                             "runbook_url": "https://myrunbook.com/runbook/1234",
                             "summary": "This alert was triggered for zone us-1"},
             "startsAt": "2021-10-12T09:51:03.157076+02:00", "endsAt": "0001-01-01T00:00:00Z",
             "generatorURL": "https://play.grafana.org/alerting/1afz29v7z/edit", "fingerprint": "c6eadffa33fcdf37",
             "silenceURL": "https://play.grafana.org/alerting/silence/new?alertmanager=grafana&matchers=alertname%3DT2",
             "dashboardURL": "", "panelURL": "", "values": {"B": 44.23943737541908, "C": 1}},
            {"status": "resolved",
             "labels": {"alertname": "High CPU usage", "team": "blue", "zone": "eu-1"},
             "annotations": {"description": "The system has high CPU usage", "summary": "This alert was triggered for zone eu-1"},
             "startsAt": "2021-10-12T09:56:03.157076+02:00", "endsAt": "2021-10-12T10:01:03.157076+02:00",
             "generatorURL": "https://play.grafana.org/alerting/d1rdpdv7k/edit", "fingerprint": "bc97ff14869b13e3",
             "dashboardURL": "https://play.grafana.org/d/1", "panelURL": "", "values": {"B": 44.23943737541908, "C": 1}}],
         "groupLabels": {}, "commonLabels": {"team": "blue"}, "commonAnnotations": {},
         "externalURL": "https://play.grafana.org/", "version": "1", "groupKey": "{}:{}", "truncatedAlerts": 0,
         "title": "[FIRING:2]  (blue)", "state": "alerting",
         "message": "**Firing**\n\nLabels:\n - alertname = T2\n - team = blue\n - zone = us-1\n"},
    ),
    items="alerts",
)  # fmt: skip
