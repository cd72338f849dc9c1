"""Alerts by labels, annotations and times, as Alertmanager writes them: what its webhook, Prometheus and Grafana share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ops.intake.arrival import Arrival, Made
from ops.intake.formats.format import Row
from ops.intake.labelled import Labelled, alert_of_labels, bad_field, labels_at, object_of, prefixed, text_at, time_at
from ops.intake.reading import Parcel, Reading, parse_json, read_items
from schemas.records.vocabulary import AlertStatus, Millis

ANNOTATION = "annotation_"
UNNAMED = "unnamed"
# Annotations that people read, those in front first.
SAID = ("summary", "title", "message", "description")
_STATES = {"firing": AlertStatus.FIRING, "resolved": AlertStatus.RESOLVED}


class When(NamedTuple):
    """Whether an alert fires, the time of what is said, and since when its condition holds. Times are epoch ms."""

    status: AlertStatus
    occurred_at: Millis
    started_at: Millis


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a sender writes alerts by labels.

    Attributes:
        name: as metrics call its format.
        when: an item's status and times; raises ItemRefusedError for what cannot be read. moments: the members that it looks at.
        done: members of an item that have a field of their own. names: under which labels some of the others are kept.
        group: members of the envelope that are kept with each alert, and the labels that they are kept under.
    """

    name: str
    when: Callable[[dict[str, Any], Arrival], When]
    moments: tuple[str, ...]
    done: frozenset[str]
    names: Mapping[str, str]
    group: tuple[tuple[str, str], ...] = field(default=())


def read_notices(
    dialect: Dialect, parcel: Parcel, parsed: Any, envelope: dict[str, Any] | None, arrival: Arrival
) -> Reading:
    """The alerts of a body, of which usual ones become messages at once (`ops.intake.label_press`).

    Args:
        parsed: the body's JSON. envelope: what surrounds the alerts, where the sender has such.

    Raises:
        BodyRefusedError: there are too many.
    """
    kept = _group_of(envelope or {}, dialect.group)

    def take(item: Any, reading: Reading) -> None:
        reading.take(*alert_of_labels(told(item, dialect, kept, arrival), arrival))

    def press(items: Sequence[Any], reading: Reading) -> list[Made | None]:
        return [] if arrival.label_press is None else arrival.label_press.made(items, dialect, kept, arrival, reading)

    return read_items(parcel.body, parsed, "alerts", arrival.rules.max_item_bytes, take, envelope, press)


def envelope_of(parsed: Any, parcel: Parcel) -> dict[str, Any]:
    """What surrounds the alerts; of one that comes back from the dead letters, what surrounded it then."""
    if isinstance(parsed, dict) and isinstance(parsed.get("alerts"), list):
        return {key: value for key, value in parsed.items() if key != "alerts"}
    kept = parcel.headers.get("intake-envelope")
    found = parse_json(kept.encode("latin-1")) if kept else {}
    return found if isinstance(found, dict) else {}


def told(item: Any, dialect: Dialect, kept: Mapping[str, str], arrival: Arrival) -> Labelled:
    """One alert of a body.

    Raises:
        ItemRefusedError: it has no labels, or a time or the status cannot be read.
    """
    item = object_of(item)
    labels, annotations = labels_at(item, "labels"), labels_at(item, "annotations")
    if not labels:
        raise bad_field("labels", "is missing or empty; give the labels that identify the alert")
    when = dialect.when(item, arrival)
    return Labelled(
        name=labels.get("alertname") or UNNAMED,
        status=when.status,
        labels=labels,
        occurred_at=when.occurred_at,
        started_at=when.started_at,
        message=message_of(annotations),
        kept={**kept, **prefixed(ANNOTATION, annotations), **rest_of(item, dialect.done, dialect.names)},
    )


def told_when(item: dict[str, Any], arrival: Arrival) -> When:
    """Of an item that says its status: one that fires is of its start, one that has resolved of its end."""
    word = item.get("status")
    status = _STATES.get(word) if isinstance(word, str) else None
    if status is None:
        status = _STATES.get(text_at(item, "status").lower())
    if status is None:
        raise bad_field("status", f"is {text_at(item, 'status')[:60]!r}; give firing or resolved")
    started = time_at(item, "startsAt") or arrival.received_at
    ended = time_at(item, "endsAt")
    if status is AlertStatus.RESOLVED:
        return When(status, max(started, ended or arrival.received_at), started)
    return When(status, started, started)


def webhook_dialect(name: str, group: tuple[tuple[str, str], ...]) -> Dialect:
    """Of a webhook that says each alert's status."""
    return Dialect(
        name=name,
        when=told_when,
        moments=("status", "startsAt", "endsAt"),
        done=frozenset(("labels", "annotations", "status")),
        names={"startsAt": "starts_at", "endsAt": "ends_at"},
        group=group,
    )


def message_of(annotations: dict[str, str]) -> str:
    """What people read: the summary, and the description below it."""
    said = [annotations[name] for name in SAID if annotations.get(name)]
    return said[0] if len(said) == 1 else "\n".join(dict.fromkeys(said))


def rest_of(item: dict[str, Any], done: frozenset[str], names: Mapping[str, str]) -> dict[str, str]:
    """Members that have no field of their own, as labels; `names` gives some of them other names."""
    found = {names.get(key, key): text_at(item, key) for key in item if key not in done}
    return {name: value for name, value in found.items() if value}


def _group_of(envelope: dict[str, Any], members: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Members of the envelope as labels."""
    found = {ours: text_at(envelope, theirs) for theirs, ours in members}
    return {name: value for name, value in found.items() if value}


def label_rows(item: str) -> tuple[Row, ...]:
    """The mapping of what such alerts have in common; `item` is where they lie in the body, as the page writes it."""
    return (
        Row(f"{item}.labels.alertname", "name", "`unnamed` where there is none"),
        Row(f"{item}.labels.service", "service", "or the next of the labels in `BREAKWATER_SERVICE_LABELS`; else `unknown`"),
        Row(f"{item}.labels.environment", "environment", "or `env`, `stage`, …; else `production`"),
        Row(f"{item}.labels.tenant", "tenant", "else the sender's"),
        Row(f"{item}.labels.instance", "source", "or `pod`, `host`, `node`"),
        Row(f"{item}.labels.severity", "severity", "or `priority`, `level`; any usual word, another is `WARNING`"),
        Row(f"{item}.labels.incident_id", "incident_id",
            "else made of tenant, environment, service and BREAKWATER_INCIDENT_LABELS"),
        Row(f"{item}.labels", "fingerprint", "all of them, or those of BREAKWATER_FINGERPRINT_LABELS"),
        Row(f"{item}.labels", "labels", "all of them"),
        Row(f"{item}.startsAt", "occurred_at", "of one that fires; with the fingerprint it makes the alert_id"),
        Row(f"{item}.annotations", "message", "summary, title, message, description, a line each"),
        Row(f"{item}.annotations", "labels", "each as `annotation_…`"),
    )  # fmt: skip
