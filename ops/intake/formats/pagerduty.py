"""PagerDuty's Events API v2: trigger, acknowledge, resolve.

Protocol: https://developer.pagerduty.com/docs/events-api-v2-overview and its answers.
"""

from typing import Any

import orjson

from ops.intake import values
from ops.intake.answers import JSON, Answer, Outcome, Problem
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.formats.format import Example, Format, Row
from ops.intake.labelled import Labelled, alert_of_labels, bad_field, object_of, prefixed, text_at, time_at
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from schemas.identity import stable_id
from schemas.records.intake import LogLine
from schemas.records.vocabulary import Agent, AlertStatus, Evidence, Severity
from state.commands import append_event
from state.incident import EventType
from streams.topics import ALERTS

_LONGEST_KEY = 255
_SEVERITIES = ("critical", "error", "warning", "info")
_REPEATED_MS = 60_000
# What came over HTTP alone lies nowhere in the log.
_FROM_OUTSIDE = Evidence(topic="", partition=-1, offset=-1, summary="PagerDuty's Events API")
_DONE = ("payload", "routing_key", "event_action", "dedup_key")


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """One event. Trigger and resolve become alerts of the incident that `dedup_key` names, acknowledge its event and a log line.

    Raises:
        BodyRefusedError: it is no JSON.
    """

    def take(item: Any, reading: Reading) -> None:
        item = object_of(item)
        action = text_at(item, "event_action")
        if action not in ("trigger", "acknowledge", "resolve"):
            raise bad_field("event_action", f"is {action[:60]!r}; give trigger, acknowledge or resolve")
        if not text_at(item, "routing_key"):
            raise bad_field("routing_key", "is missing; give the integration's key")
        key = _key_of(item, action, arrival)
        reading.facts["dedup_key"] = key
        if action == "acknowledge":
            for record, identity in _acknowledged(item, key, arrival):
                reading.take(record, identity)
        else:
            reading.take(*alert_of_labels(_told(item, action, key, arrival), arrival))

    return read_items(parcel.body, parse_json(parcel.body), "", arrival.rules.max_item_bytes, take)


def _key_of(item: dict[str, Any], action: str, arrival: Arrival) -> str:
    key = text_at(item, "dedup_key")
    if len(key) > _LONGEST_KEY:
        raise bad_field("dedup_key", f"has {len(key)} characters; give at most {_LONGEST_KEY}")
    if not key and action != "trigger":
        raise bad_field("dedup_key", f"is missing; {action} needs that of the trigger")
    return key or arrival.new_id()


def _incident(item: dict[str, Any], key: str, arrival: Arrival) -> str:
    # The routing key is a secret: it tells senders apart, and is kept as a hash alone.
    return "inc-" + stable_id("pagerduty", arrival.tenant, text_at(item, "routing_key"), key, digits=16)


def _told(item: dict[str, Any], action: str, key: str, arrival: Arrival) -> Labelled:
    payload = item.get("payload") or {}
    if not isinstance(payload, dict):
        raise bad_field("payload", f"is {values.shown(payload)}; give an object")
    if action == "trigger":
        _check_payload(payload)
    details = payload.get("custom_details")
    labels = {name: text_at(payload, name) for name in ("component", "group", "class") if payload.get(name)}
    labels |= values.labels(details) if isinstance(details, dict) else {}
    at = time_at(payload, "timestamp")
    incident = _incident(item, key, arrival)
    resolved = action == "resolve"
    kept = {"dedup_key": key, "event_action": action} | prefixed("pagerduty_", _texts(item, _DONE))
    if details is not None and not isinstance(details, dict):
        kept["custom_details"] = text_at(payload, "custom_details")
    return Labelled(
        name=text_at(payload, "class") or text_at(payload, "summary") or key,
        status=AlertStatus.RESOLVED if resolved else AlertStatus.FIRING,
        labels=labels,
        occurred_at=arrival.received_at if resolved or at is None else at,
        # Without a time an event is told from its repetition by its text alone.
        started_at=at
        if at is not None
        else int(stable_id(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS), digits=12), 16),
        message=text_at(payload, "summary"),
        kept=kept,
        severity=text_at(payload, "severity"),
        source=text_at(payload, "source"),
        service=labels.get("service") or text_at(payload, "component") or text_at(payload, "source"),
        tenant=arrival.tenant,
        incident=incident,
        fingerprint=stable_id("alert", incident, digits=16),
    )


def _check_payload(payload: dict[str, Any]) -> None:
    for name in ("summary", "source", "severity"):
        if not text_at(payload, name):
            raise bad_field(f"payload.{name}", "is missing; give it")
    if text_at(payload, "severity") not in _SEVERITIES:
        raise bad_field("payload.severity", f"is {text_at(payload, 'severity')[:60]!r}; give {', '.join(_SEVERITIES)}")


def _acknowledged(item: dict[str, Any], key: str, arrival: Arrival) -> list[tuple[Any, str]]:
    """The line, and the event that the incident shall have, each with its identity."""
    incident, at = _incident(item, key, arrival), arrival.received_at
    # An acknowledgement has neither id nor time: within so long another one is a repetition.
    said = f"acknowledged-{incident}-{at // _REPEATED_MS}"
    line = LogLine(
        incident_id=incident,
        tenant=arrival.tenant,
        environment=DEFAULT_ENVIRONMENT,
        service="pagerduty",
        source="pagerduty",
        level=Severity.INFO,
        message=f"acknowledged: {key}",
        occurred_at=at,
        received_at=at,
    )
    command = append_event(
        EventType.INCIDENT_ACKNOWLEDGED,
        incident_id=incident,
        tenant=arrival.tenant,
        episode=0,
        payload={"by": text_at(item, "client") or "a responder", "via": "PagerDuty", "dedup_key": key},
        agent=Agent.OPERATOR,
        occurred_at=at,
        source=_FROM_OUTSIDE,
        causation_id=said,
    )
    return [(line, f"{arrival.tenant}\x1f{said}-line"), (command, f"{arrival.tenant}\x1f{said}")]


def _texts(item: dict[str, Any], done: tuple[str, ...]) -> dict[str, str]:
    return {name: text_at(item, name) for name in item if name not in done}


def answer(outcome: Outcome) -> Answer:
    """202 with the `dedup_key`; 400 with what is wrong where nothing was taken: clients raise it as an error of the event."""
    if outcome.status == 202:
        said = {
            "status": "success",
            "message": "Event processed",
            "dedup_key": outcome.reading.facts.get("dedup_key", ""),
        }
        return Answer(202, orjson.dumps(said))
    return _invalid(400, [refusal.detail for refusal in outcome.reading.refusals[:100]])


def problem(told: Problem, _: Parcel) -> Answer:
    """As PagerDuty answers: 400 for what it cannot read, 429 and 5xx for what shall be sent again."""
    status = 400 if told.status in (413, 415, 422) else told.status
    return _invalid(status, [told.detail], told.all_headers())


def _invalid(status: int, errors: list[str], headers: dict[str, str] | None = None) -> Answer:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    if status >= 429:
        said = {"status": "try again", "message": errors[0]}
    return Answer(status, orjson.dumps(said), JSON, headers or {})


PAGERDUTY_FORMAT = Format(
    name="pagerduty",
    path="/v2/enqueue",
    title="PagerDuty's Events API v2: trigger, acknowledge, resolve.",
    protocol="https://developer.pagerduty.com/docs/send-alert-event",
    topic=ALERTS,
    read=read,
    rows=(
        Row("event_action", "status", "trigger is `FIRING`, resolve `RESOLVED`; acknowledge: an event and a log line"),
        Row("dedup_key", "incident_id, fingerprint", "with the routing key; made for a trigger that has none, and answered"),
        Row("dedup_key", "labels", "`dedup_key`"),
        Row("routing_key", "incident_id", "kept as a hash alone; a source's `routing_key` is compared with it"),
        Row("payload.summary", "message", "needed"),
        Row("payload.severity", "severity", "needed: critical, error, warning, info"),
        Row("payload.source", "source", "needed"),
        Row("payload.component", "service", "else the source; `custom_details.service` comes first"),
        Row("payload.class", "name", "else the summary"),
        Row("payload.timestamp", "occurred_at", "of a trigger; else the arrival"),
        Row("payload.group", "labels", "and component and class, under their own names"),
        Row("payload.custom_details", "labels", "each under its own name"),
        Row("client", "labels", "`pagerduty_client`, and so every other member (links, images, …)"),
    ),
    example=Example(
        "the page Send an Alert Event of PagerDuty's documentation",
        {"payload": {"summary": "DISK at 99% on machine prod-datapipe03.example.com", "timestamp": "2015-07-17T08:42:58.315+0000",
          "severity": "critical", "source": "prod-datapipe03.example.com", "component": "mysql", "group": "prod-datapipe",
          "class": "disk", "custom_details": {"free space": "1%", "ping time": "1500ms", "load avg": 0.75}},
         "routing_key": "samplekeyhere", "dedup_key": "samplekeyhere",
         "images": [{"src": "https://www.pagerduty.com/wp-content/uploads/2016/05/pagerduty-logo-green.png"}],
         "links": [{"href": "https://example.com/", "text": "Link text"}], "event_action": "trigger",
         "client": "Sample Monitoring Service", "client_url": "https://monitoring.example.com"},
    ),
    answer=answer,
    problem=problem,
)  # fmt: skip
