"""`POST /api/v2/alerts`: what Prometheus sends to an Alertmanager, so that it can send here.

Protocol: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (postAlerts).
"""

from typing import Any

import orjson

from ops.intake.answers import JSON, Answer, Outcome, Problem
from ops.intake.arrival import Arrival
from ops.intake.formats.alertmanager import LABEL_ROWS, message_of, rest_of
from ops.intake.formats.format import Example, Format, Row
from ops.intake.labelled import Labelled, alert_of_labels, bad_field, labels_at, object_of, prefixed, time_at
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from schemas.records.vocabulary import AlertStatus
from streams.topics import ALERTS


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alerts of a list. One whose end has come is resolved; Prometheus repeats those that fire every minute.

    Raises:
        BodyRefusedError: it is no JSON.
    """

    def take(item: Any, reading: Reading) -> None:
        reading.take(*alert_of_labels(_told(item, arrival), arrival))

    return read_items(parcel.body, parse_json(parcel.body), "alerts", arrival.rules.max_item_bytes, take)


def _told(item: Any, arrival: Arrival) -> Labelled:
    item = object_of(item)
    labels, annotations = labels_at(item, "labels"), labels_at(item, "annotations")
    if not labels:
        raise bad_field("labels", "is missing or empty; give the labels that identify the alert")
    started, ended = time_at(item, "startsAt"), time_at(item, "endsAt")
    # The end of one that fires is when it would count as resolved if nothing more were heard of it: it moves, and is not kept.
    resolved = ended is not None and ended <= arrival.received_at
    began = started if started is not None else (ended if resolved and ended is not None else arrival.received_at)
    return Labelled(
        name=labels.get("alertname") or "unnamed",
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        labels=labels,
        occurred_at=max(began, ended or 0) if resolved else began,
        started_at=began,
        message=message_of(annotations),
        kept=prefixed("annotation_", annotations)
        | rest_of(item, ("labels", "annotations", "endsAt"), {"startsAt": "starts_at"}),
    )


def answer(outcome: Outcome) -> Answer:
    """200 without a body, as Alertmanager says it; 400 with a sentence where nothing was taken."""
    if outcome.status == 202:
        return Answer(200, b"", "", {"X-Breakwater-Rejected": str(len(outcome.reading.refusals))})
    return Answer(outcome.status, orjson.dumps(outcome.reading.refusals[0].detail))


def problem(told: Problem, _: Parcel) -> Answer:
    """A JSON text, as Alertmanager's API says what is wrong."""
    return Answer(told.status, orjson.dumps(told.detail), JSON, told.all_headers())


PROMETHEUS_ALERTS_FORMAT = Format(
    name="prometheus",
    path="/api/v2/alerts",
    title="Alerts as Prometheus sends them to an Alertmanager (API v2).",
    protocol="https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml",
    topic=ALERTS,
    read=read,
    rows=(
        *(Row(row.theirs.replace("alerts[]", "[]"), row.ours, row.note) for row in LABEL_ROWS),
        Row("[].startsAt", "occurred_at", "of one that fires; with the fingerprint it makes the alert_id"),
        Row("[].endsAt", "status, occurred_at", "`RESOLVED` at that time once it has come; else `FIRING`"),
        Row("[].annotations", "message", "summary, title, message, description, a line each"),
        Row("[].annotations", "labels", "each as `annotation_…`"),
        Row("[].generatorURL", "labels", "and every other member, under its own name"),
    ),
    example=Example(
        "prometheus 2.42.0, received from it",
        [{"labels": {"alertname": "HighErrorRate", "service": "checkout", "environment": "staging", "severity": "critical",
          "instance": "checkout-1", "tenant": "acme", "incident_id": "INC-7"}, "annotations": {"summary": "Errors over 5 %"},
          "startsAt": "2024-05-01T12:00:00.123Z", "endsAt": "2024-05-01T12:04:00.123Z",
          "generatorURL": "http://prometheus:9090/graph?g0.expr=up"}],
    ),
    answer=answer,
    problem=problem,
    items="alerts",
)  # fmt: skip
