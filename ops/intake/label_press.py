"""Alerts by labels, by the ten thousand: their Avro bytes without an object for each, at a third of the slow way's cost.

The bytes are those that `ops.intake.labelled` and the codec make; whatever is unusual goes that way. What hangs on the names of
an alert's members alone is found out once for each set of names; their values are put in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ops.intake.alert_bytes import ENUMERATIONS, writes_as
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.formats.notices import ANNOTATION, UNNAMED, Dialect, message_of
from ops.intake.labelled import LETTERS, severity_of, tier_of
from ops.intake.models import LONGEST_TITLE
from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus
from schemas.template import avro_long
from streams.outbox import Message
from streams.topics import ALERTS

# Sets of member names that are remembered; at some 3,000 bytes each, 1,000 are 3 MB. Larger sets go the slow way.
_MOST_SHAPES = 1_000
_MOST_NAMES, _LONGEST_NAMES = 100, 4_096
_TEXTS = frozenset((str,))

# Bytes are put together as texts of Latin-1 characters, one a byte: joining texts needs no encoding of each.
_long = lru_cache(maxsize=10_000)(lambda number: avro_long(number).decode("latin-1"))
_LENGTHS = [avro_long(length).decode("latin-1") for length in range(2048)]

Made = tuple[Message, str]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the names of an alert's members tell.

    Attributes:
        rest: members that are kept under labels. frame: for each label of the record, in its order, three parts: the name,
            encoded, and room for the value's length and the value. names: as they are; None where two are the same, which
            only the slow way sorts out.
    """

    rest: tuple[str, ...]
    frame: tuple[str, ...]
    names: frozenset[str] | None


class LabelPress:
    """Makes messages of alerts by labels. May be used by several threads at once.

    Args:
        codec: the contract of alerts; one that has other fields than this knows is left to the slow way.
    """

    def __init__(self, codec: Codec[Alert]) -> None:
        self._header = codec.header.decode("latin-1") if writes_as(codec) else None
        self._shapes: dict[tuple[tuple[str, ...], ...], _Shape] = {}

    def taker(self, dialect: Dialect, kept: Mapping[str, str], arrival: Arrival) -> Callable[[Any], Made | None]:
        """What makes the messages of one body, whose alerts all have `kept` among their labels; None for an unusual alert.

        It raises ItemRefusedError where a time or the status cannot be read.
        """
        if self._header is None:
            return lambda _: None
        return _Body(self, self._header, dialect, kept, arrival).message

    def shape(self, dialect: Dialect, item: dict[str, Any], labels: Any, annotations: Any) -> _Shape:
        """The shape of an item."""
        key = ((dialect.name,), tuple(labels), tuple(annotations), tuple(item))
        found = self._shapes.get(key)
        if found is None:
            if sum(map(len, key)) > _MOST_NAMES or sum(len(name) for names in key for name in names) > _LONGEST_NAMES:
                return _UNUSUAL
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes = {}
            found = self._shapes[key] = _shape(dialect, tuple(labels), tuple(annotations), tuple(item))
        return found


class _Body:
    """One body: what all of its alerts have in common is encoded already."""

    __slots__ = ("_arrival", "_dialect", "_header", "_kept", "_kept_text", "_press", "_received")

    def __init__(
        self, press: LabelPress, header: str, dialect: Dialect, kept: Mapping[str, str], arrival: Arrival
    ) -> None:
        self._press, self._header, self._dialect, self._arrival = press, header, dialect, arrival
        self._kept = frozenset(kept)
        self._kept_text = "".join(_text(name) + _text(value) for name, value in kept.items())
        self._received = _long(arrival.received_at)

    def message(self, item: Any) -> Made | None:
        """The message and the identity of an alert; None where it has to go the slow way."""
        if type(item) is not dict:
            return None
        labels, annotations = item.get("labels"), item.get("annotations")
        if annotations is None:
            annotations = {}
        if type(labels) is not dict or not labels or type(annotations) is not dict:
            return None
        kept = self._kept_labels(item, labels, annotations)
        return None if kept is None else self._made(item, labels, annotations, kept)

    def _kept_labels(self, item: dict[str, Any], labels: dict[str, Any], annotations: dict[str, Any]) -> str | None:
        """The labels that the record has, encoded; None where one is no text, empty, very long, or twice there."""
        shape = self._press.shape(self._dialect, item, labels, annotations)
        if shape.names is None or not shape.names.isdisjoint(self._kept):
            return None
        values = [*annotations.values(), *[item[name] for name in shape.rest]]
        if "" in values:
            return None
        values += labels.values()
        if not _TEXTS.issuperset(map(type, values)):
            return None
        if not "".join(values).isascii():
            values = [_narrow(value) for value in values]
        parts = [*shape.frame]
        try:
            parts[1::3] = map(_LENGTHS.__getitem__, map(len, values))
        except IndexError:
            return None
        parts[2::3] = values
        return "".join((_LENGTHS[len(self._kept) + len(values)], self._kept_text, *parts, "\0"))

    def _made(
        self, item: dict[str, Any], labels: dict[str, str], annotations: dict[str, str], kept: str
    ) -> Made | None:
        arrival, rules = self._arrival, self._arrival.rules
        status, occurred_at, started_at = self._dialect.when(item, arrival)
        service, environment, tenant, source, word, tier = rules.fields_of(labels)
        where = (tenant or arrival.tenant, environment or DEFAULT_ENVIRONMENT, service)
        if arrival.bound and where[0] != arrival.tenant:
            return None
        name = labels.get("alertname") or UNNAMED
        letter, choices = _choices(word, status is AlertStatus.RESOLVED, tier)
        fingerprint = rules.fingerprint_of(where, name, source, labels)
        alert_id = f"{fingerprint}-{started_at:x}-{letter}"
        incident = labels.get("incident_id", "")[:256] or rules.incident_of(where, labels)
        text = "".join((
            self._header, _text(alert_id), _place(incident, *where, name[:LONGEST_TITLE]), choices, _text(fingerprint),
            _text(source), _long(occurred_at), self._received, _text(message_of(annotations)), kept,
            _text(labels.get("correlation_id", "")[:256]),
        ))  # fmt: skip
        return Message(ALERTS.name, incident.encode(), text.encode("latin-1")), f"{where[0]}\x1f{alert_id}"


_UNUSUAL = _Shape((), (), None)


def _shape(dialect: Dialect, labels: tuple[str, ...], annotations: tuple[str, ...], members: tuple[str, ...]) -> _Shape:
    rest = tuple(name for name in members if name not in dialect.done)
    plain = [*(ANNOTATION + name for name in annotations), *(dialect.names.get(name, name) for name in rest), *labels]
    alone = frozenset(plain) if len(set(plain)) == len(plain) else None
    return _Shape(rest, tuple(part for name in plain for part in (_text(name), "", "")), alone)


def _narrow(text: str) -> str:
    """UTF-8's bytes as Latin-1 characters."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _text(text: str) -> str:
    """Avro's string."""
    text = _narrow(text)
    return (_LENGTHS[len(text)] if len(text) < 2048 else _long(len(text))) + text


@lru_cache(maxsize=10_000)
def _place(incident: str, tenant: str, environment: str, service: str, name: str) -> str:
    return "".join(map(_text, (incident, tenant, environment, service, name)))


@lru_cache(maxsize=1_000)
def _choices(word: str, resolved: bool, tier: str) -> tuple[str, str]:
    """The letters of status and severity in an alert's id, and the record's severity, status and tier, encoded."""
    severity, status = severity_of(word), AlertStatus.RESOLVED if resolved else AlertStatus.FIRING
    chosen = (severity, status, tier_of(tier))
    return LETTERS[status] + LETTERS[severity], "".join(
        ENUMERATIONS[type(one)][one].decode("latin-1") for one in chosen
    )
