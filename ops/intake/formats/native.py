"""Native JSON: one item, a list of them, an object with the list, or JSON lines. Alerts, metrics, logs and edges.

Protocol: docs/intake.md. Items are validated by the models of `ops.intake.models`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ops.intake.arrival import Arrival
from ops.intake.errors import ItemRefusedError
from ops.intake.formats.format import JSON_MEDIA, LINES_MEDIA, Example, Format, Row
from ops.intake.identity import named_identity
from ops.intake.letters import INVALID, NOT_JSON
from ops.intake.models import AlertIn, EdgeIn, LogIn, MetricIn, Sent
from ops.intake.reading import (
    Parcel,
    PressItems,
    Reading,
    TakeItem,
    check_count,
    check_values,
    parse_json,
    read_items,
    take_each,
)
from schemas.errors import plainly
from schemas.records.intake import Alert
from streams.topics import ALERTS, LOGS, METRICS, TOPOLOGY, Topic

PROTOCOL = "https://json-schema.org/"


def alert_of(item: Any, arrival: Arrival) -> Alert:
    """The alert that a native item becomes.

    Raises:
        ItemRefusedError: a field is missing or cannot be taken; every such field is named.
    """
    found: Alert = record_of(AlertIn, item, arrival)
    return found


def record_of(shape: type[Sent], item: Any, arrival: Arrival) -> Any:
    """The record of an item of a shape.

    Raises:
        ItemRefusedError: a field is missing or cannot be taken; every such field is named.
    """
    try:
        return shape.model_validate(item).record(arrival)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        fields = tuple(".".join(str(part) for part in fault["loc"]) for fault in faults)
        raise ItemRefusedError("; ".join(_sentence(fault) for fault in faults) + ".", INVALID, fields) from error


def taker(shape: type[Sent], arrival: Arrival) -> TakeItem:
    """Takes items of a shape; alerts with their identity."""

    def take(item: Any, reading: Reading) -> None:
        record = record_of(shape, item, arrival)
        identity = None
        if type(record) is Alert:
            # Of one with neither id nor time it is the body's own: another body is another alert.
            identity = named_identity(record.tenant, record.alert_id)
        reading.take(record, identity)

    return take


def presser(shape: type[Sent], arrival: Arrival) -> PressItems | None:
    """Makes messages of usual alerts, all of a body at once; None for what is no alert."""
    press = arrival.press
    return None if press is None or shape is not AlertIn else lambda items, reading: press.made(items, arrival, reading)


def read_lines(body: bytes, arrival: Arrival, take: TakeItem, press: PressItems | None = None) -> Reading:
    """Read JSON lines; a line that is no JSON is refused alone, with its exact bytes.

    Raises:
        BodyRefusedError: there are too many lines.
    """
    check_values(body)
    lines = [line for line in body.split(b"\n") if line.strip()]
    check_count(len(lines))
    items = _all_at_once(lines)
    if items is not None:
        reading = Reading(items=len(lines))
        longest, most = max(map(len, lines), default=0), arrival.rules.max_item_bytes
        take_each(reading, items, take, longest > most, most, press=press)
        reading.refusals = [replace(refusal, value=lines[refusal.index]) for refusal in reading.refusals]
        return reading

    def take_line(line: Any, reading: Reading) -> None:
        try:
            item = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ItemRefusedError(f"The line is no JSON: {error}.", NOT_JSON) from error
        take(item, reading)

    reading = Reading(items=len(lines))
    for index, line in enumerate(lines):
        take_each(reading, [line], take_line, True, arrival.rules.max_item_bytes, len(line), index)
    reading.refusals = [replace(refusal, value=lines[refusal.index]) for refusal in reading.refusals]
    return reading


def _all_at_once(lines: list[bytes]) -> list[Any] | None:
    """The items of lines that are all JSON, parsed in one go: a third of the time. None where any is not."""
    try:
        items = orjson.loads(b"[" + b",".join(lines) + b"]")
    except orjson.JSONDecodeError:
        return None
    # A line of two items, or an item of two lines, is left to be told by itself.
    return items if isinstance(items, list) and len(items) == len(lines) else None


def reader(shape: type[Sent], items: str) -> Callable[[Parcel, Arrival], Reading]:
    """Reads bodies of a shape."""

    def read(parcel: Parcel, arrival: Arrival) -> Reading:
        take, press = taker(shape, arrival), presser(shape, arrival)
        if parcel.media in LINES_MEDIA:
            return read_lines(parcel.body, arrival, take, press)
        parsed = parse_json(parcel.body)
        return read_items(parcel.body, parsed, items, arrival.rules.max_item_bytes, take, press=press)

    return read


def native_format(
    name: str,
    path: str,
    shape: type[Sent],
    topic: Topic,
    items: str,
    rows: tuple[Row, ...],
    example: Example,
) -> Format:
    """A format of ours: one item of a shape, several (an object may hold them under `items`), or JSON lines."""
    return Format(
        name=name,
        path=path,
        title=(shape.__doc__ or "").strip(),
        protocol=PROTOCOL,
        topic=topic,
        read=reader(shape, items),
        rows=rows,
        example=example,
        media=(*JSON_MEDIA, *LINES_MEDIA),
        shape=shape,
        items=items,
    )


_COMMON = (
    Row("tenant", "tenant", "`default` where none is given"),
    Row("environment", "environment", "`production` where none is given"),
    Row("occurred_at, timestamp or time", "occurred_at", "ISO 8601, or s, ms, µs, ns since 1970; else the arrival"),
)

ALERTS_FORMAT = native_format(
    "alerts", "/v1/alerts", AlertIn, ALERTS, "alerts",
    rows=(
        Row("service", "service", "needed"),
        Row("name or alert_type", "name", "needed"),
        Row("alert_id", "alert_id", "made of condition, time and text where none is given; the same id twice is one alert"),
        Row("incident_id", "incident_id", "made of tenant, environment and service where none is given"),
        Row("severity", "severity", "any usual word or number; `WARNING` where none is given"),
        Row("status", "status", "`FIRING` where none is given"),
        Row("tier", "tier", "`SUPPORTING` where none is given"),
        Row("fingerprint", "fingerprint", "made of tenant, environment, service, name and source where none is given"),
        Row("source", "source"),
        Row("message, description or summary", "message", "a list becomes lines"),
        Row("labels", "labels", "values as texts"),
        Row("correlation_id", "correlation_id"),
        *_COMMON,
        Row("(any other member)", "labels", "under its own name"),
    ),
    example=Example(
        "this page",
        {"service": "checkout", "name": "HighMemory", "severity": "critical", "alert_id": "a-1", "tenant": "acme",
         "environment": "production", "timestamp": "2024-05-01T12:00:00Z", "message": "heap at 93 %", "source": "pod-1",
         "labels": {"zone": "a"}, "team": "shop"},
    ),
)  # fmt: skip

METRICS_FORMAT = native_format(
    "metrics", "/v1/metrics", MetricIn, METRICS, "metrics",
    rows=(
        Row("service", "service", "needed"),
        Row("name or metric", "name", "needed"),
        Row("value", "value", "needed; a finite number"),
        Row("unit", "unit"),
        Row("series", "series", "made of tenant, environment, service, name and labels where none is given"),
        Row("incident_id", "incident_id", "made of tenant, environment and service where none is given"),
        Row("labels", "labels", "values as texts"),
        *_COMMON,
        Row("(any other member)", "labels", "under its own name; it is part of the series"),
    ),
    example=Example(
        "this page",
        {"service": "checkout", "name": "memory_limit_ratio", "value": 0.83, "unit": "1", "timestamp": 1714564800,
         "labels": {"pod": "checkout-1"}},
    ),
)  # fmt: skip

LOGS_FORMAT = native_format(
    "logs",
    "/v1/logs",
    LogIn,
    LOGS,
    "logs",
    rows=(
        Row("service", "service", "needed"),
        Row("message, line or log", "message", "needed; a list becomes lines"),
        Row("level or severity", "level", "`INFO` where none is given"),
        Row("source", "source"),
        Row("incident_id", "incident_id", "made of tenant, environment and service where none is given"),
        *_COMMON,
        Row("(any other member)", "message", "behind it, as `name=value`"),
    ),
    example=Example(
        "this page", {"service": "checkout", "message": "heap at 83 %", "level": "warn", "time": 1714564800}
    ),
)

TOPOLOGY_FORMAT = native_format(
    "topology",
    "/v1/topology",
    EdgeIn,
    TOPOLOGY,
    "edges",
    rows=(
        Row("service", "service", "needed"),
        Row("depends_on", "depends_on", "needed; another service"),
        Row("kind", "kind", "`calls` where none is given"),
        Row("tier", "tier", "`SUPPORTING` where none is given"),
        Row("removed", "removed", "`false` where none is given"),
        *_COMMON,
    ),
    example=Example("this page", {"service": "checkout", "depends_on": "postgres", "kind": "calls"}),
)


def _sentence(fault: ErrorDetails) -> str:
    field = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{field} is missing; give it"
    return f"{field} {plainly(fault['msg'])}".strip()
