"""Datadog's webhook integration: its default payload, and any that names Datadog's variables as docs/intake.md shows it.

Protocol: https://docs.datadoghq.com/integrations/webhooks/
"""

import re
from typing import Any

from ops.intake.arrival import Arrival
from ops.intake.formats.format import Example, Format, Row
from ops.intake.formats.notices import rest_of
from ops.intake.labelled import Labelled, alert_of_labels, bad_field, object_of, text_at, time_at
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from schemas.records.vocabulary import AlertStatus
from streams.topics import ALERTS

# A default payload says its transition at the beginning of its title only: "[Recovered on {host:a}] CPU is high".
_TITLE = re.compile(r"^\s*(?:\[P\d\]\s*)?\[(?P<transition>[A-Za-z -]+?)(?: on [^\]]*)?\]\s*(?P<name>.*)$", re.DOTALL)
_ENDED = frozenset(("recovered", "resolved", "ok", "success"))
_SEVERITY = {"error": "error", "warning": "warning", "warn": "warning", "info": "info", "success": "info"}
_DONE = frozenset((
    "tags", "title", "event_title", "body", "event_msg", "text_only_msg", "last_updated", "date", "alert_transition",
    "alert_id", "aggreg_key",
))  # fmt: skip


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alert of a notification, or of several in a list.

    Raises:
        BodyRefusedError: it is no JSON.
    """

    def take(item: Any, reading: Reading) -> None:
        reading.take(*alert_of_labels(_told(object_of(item), arrival), arrival))

    return read_items(parcel.body, parse_json(parcel.body), "alerts", arrival.rules.max_item_bytes, take)


def _told(item: dict[str, Any], arrival: Arrival) -> Labelled:
    title = text_at(item, "title") or text_at(item, "event_title") or text_at(item, "alert_title")
    if not title:
        raise bad_field("title", "is missing; give $EVENT_TITLE")
    found = _TITLE.match(title)
    transition = text_at(item, "alert_transition") or (found["transition"] if found else "")
    name = (found["name"] if found else title).strip() or title
    at = time_at(item, "last_updated") or time_at(item, "date") or arrival.received_at
    resolved = transition.strip().lower().removeprefix("re-") in _ENDED
    tags = _tags(item.get("tags"))
    labels = {"host": text_at(item, "hostname")} if item.get("hostname") else {}
    # The cycle is one of trigger to recovery, the same in each of its notifications.
    cycle = text_at(item, "alert_cycle_key") or text_at(item, "aggreg_key")
    condition = {"alert_id": text_at(item, "alert_id"), "aggreg_key": text_at(item, "aggreg_key")}
    kept = rest_of(item, _DONE, {"id": "datadog_event", "org": "datadog_org"})
    return Labelled(
        name=name,
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        labels=labels | tags | {key: value for key, value in condition.items() if value},
        occurred_at=at,
        started_at=int(cycle) if cycle.isascii() and cycle.isdigit() and len(cycle) < 20 else at,
        message=text_at(item, "body") or text_at(item, "event_msg") or text_at(item, "text_only_msg"),
        kept=kept | {"datadog_title": title, "datadog_transition": transition},
        severity=_severity(item, transition, tags),
    )


def _severity(item: dict[str, Any], transition: str, tags: dict[str, str]) -> str:
    priority = text_at(item, "alert_priority") or text_at(item, "priority")
    if re.fullmatch(r"P[1-5]", priority):
        return priority
    if tags.get("severity"):
        return tags["severity"]
    if transition.lower().startswith("warn"):
        return "warning"
    return _SEVERITY.get(text_at(item, "alert_type").lower(), "error" if transition.lower() == "triggered" else "")


def _tags(given: Any) -> dict[str, str]:
    """`$TAGS` is `key:value, key:value`; a tag without a value is kept as `true`."""
    parts = given if isinstance(given, list) else str(given or "").split(",")
    pairs = (str(part).strip().partition(":") for part in parts)
    return {key: value if between else "true" for key, between, value in pairs if key}


DATADOG_FORMAT = Format(
    name="datadog",
    path="/v1/datadog",
    title="Datadog's webhook integration.",
    protocol="https://docs.datadoghq.com/integrations/webhooks/",
    topic=ALERTS,
    read=read,
    rows=(
        Row("title", "name", "`$EVENT_TITLE` without its bracket; needed"),
        Row("title", "labels", "whole, as `datadog_title`"),
        Row("alert_transition", "status", "`$ALERT_TRANSITION`, else the title's bracket: Recovered is `RESOLVED`"),
        Row("body", "message", "`$EVENT_MSG`, or `event_msg`, `text_only_msg`"),
        Row("last_updated", "occurred_at", "`$LAST_UPDATED`, else `date`, else the arrival"),
        Row("tags", "labels", "`$TAGS`: `service`, `env`, `host`, … become service, environment, source as any labels do"),
        Row("hostname", "labels", "`host`"),
        Row("alert_priority", "severity", "`$ALERT_PRIORITY`, `priority`; else the tag `severity`; else `alert_type`"),
        Row("alert_type", "severity", "`$ALERT_TYPE`: error, warning, info, success"),
        Row("alert_id", "fingerprint", "`$ALERT_ID`, with `aggreg_key` and the tags"),
        Row("alert_cycle_key", "alert_id", "`$ALERT_CYCLE_KEY`: one of trigger to recovery"),
        Row("id", "labels", "`datadog_event`; `org` as `datadog_org`; every other member under its own name"),
    ),
    example=Example(
        "the integration's page of Datadog's documentation: its default payload with the variables that the page names",
        {"body": "CPU is over 90 % @webhook-breakwater", "last_updated": "1715000000000", "event_type": "metric_alert_monitor",
         "title": "[Triggered on {host:web-1}] CPU is high", "date": "1715000000000",
         "org": {"id": "11023", "name": "Datadog HQ"}, "id": "1234567", "alert_id": "1234", "alert_transition": "Triggered",
         "alert_type": "error", "alert_priority": "P2", "alert_cycle_key": "6333757484059868", "hostname": "web-1",
         "tags": "service:checkout,env:staging,host:web-1,monitor", "link": "https://app.datadoghq.com/event/jump_to?event_id=1"},
    ),
    items="alerts",
)  # fmt: skip
