"""`POST /api/v2/alerts`: what Prometheus sends to an Alertmanager, so that it can send here.

Protocol: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (postAlerts).
"""

from typing import Any

import orjson

from ops.intake.answers import JSON, Answer, Outcome, Problem
from ops.intake.arrival import Arrival
from ops.intake.formats.format import Example, Format, Row
from ops.intake.formats.notices import Dialect, When, label_rows, read_notices
from ops.intake.labelled import time_at
from ops.intake.reading import Parcel, Reading, parse_json
from schemas.records.vocabulary import AlertStatus
from streams.topics import ALERTS


def _when(item: dict[str, Any], arrival: Arrival) -> When:
    """An alert whose end has come is resolved."""
    started, ended = time_at(item, "startsAt"), time_at(item, "endsAt")
    if ended is None or ended > arrival.received_at:
        began = arrival.received_at if started is None else started
        return When(AlertStatus.FIRING, began, began)
    began = ended if started is None else started
    return When(AlertStatus.RESOLVED, max(began, ended), began)


_DIALECT = Dialect(
    name="prometheus",
    when=_when,
    moments=("startsAt", "endsAt"),
    # The end of one that fires is when it would count as resolved if nothing more were heard of it: it moves, and is not kept.
    done=frozenset(("labels", "annotations", "endsAt")),
    names={"startsAt": "starts_at"},
)


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The alerts of a list. One whose end has come is resolved; Prometheus repeats those that fire every minute.

    Raises:
        BodyRefusedError: it is no JSON.
    """
    return read_notices(_DIALECT, parcel, parse_json(parcel.body), None, arrival)


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
        *label_rows("[]"),
        Row("[].endsAt", "status, occurred_at", "`RESOLVED` at that time once it has come; else `FIRING`"),
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
