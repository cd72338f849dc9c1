"""Grafana's webhook contact point: Alertmanager's notification with Grafana's members.

Protocol: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from ops.intake.arrival import Arrival
from ops.intake.formats.format import Example, Format, Row
from ops.intake.formats.notices import envelope_of, label_rows, read_notices, webhook_dialect
from ops.intake.reading import Parcel, Reading, parse_json
from streams.topics import ALERTS

_DIALECT = webhook_dialect(
    "grafana",
    group=(
        ("receiver", "grafana_receiver"),
        ("externalURL", "grafana_url"),
        ("groupKey", "grafana_group"),
        ("orgId", "grafana_org"),
        ("title", "grafana_title"),
    ),
)


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alerts of a notification; values, dashboards and silences stay among their labels.

    Raises:
        BodyRefusedError: it is no JSON.
    """
    parsed = parse_json(parcel.body)
    return read_notices(_DIALECT, parcel, parsed, envelope_of(parsed, parcel), arrival)


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
        *label_rows("alerts[]"),
        Row("alerts[].status", "status", "`firing` or `resolved`"),
        Row("alerts[].endsAt", "occurred_at", "of one that has resolved"),
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
