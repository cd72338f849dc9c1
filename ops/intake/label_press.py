"""Alerts by labels, by the ten thousand: their Avro bytes without an object for each, at a fifth of the slow way's cost.

The bytes are those that `ops.intake.labelled` and the codec make; whatever is unusual goes that way. What hangs on the names of
an alert's members alone is found out once for each set of names, and what hangs on values that many alerts share once for each
set of those; only the rest is made for each alert.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ops.intake.alert_bytes import ENUMERATIONS, writes_as
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.formats.notices import UNNAMED, Dialect, message_of
from ops.intake.label_shape import LENGTHS, Shape, long_text, narrow, shape_of, text_of
from ops.intake.labelled import LETTERS, severity_of, tier_of
from ops.intake.models import LONGEST_NAME, LONGEST_TITLE
from ops.intake.rules import UNKNOWN_SERVICE, Rules
from schemas.codec import Codec
from schemas.identity import stable_id
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus
from streams.outbox import Message
from streams.topics import ALERTS

# Sets of member names that are remembered; at some 4,000 bytes each, 1,000 are 4 MB. Larger sets go the slow way.
_MOST_SHAPES = 1_000
_MOST_NAMES, _LONGEST_NAMES = 100, 4_096
# Sets of values that are remembered; at some 2,000 bytes each, 10,000 are 20 MB. Larger ones are made anew each time.
_MOST_COMMON, _LONGEST_COMMON = 10_000, 1_000
_TEXTS = frozenset((str,))
_NOTHING: dict[str, Any] = {}

Made = tuple[Message, str]
_Names = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Common:
    """What alerts have in common that share service, environment, tenant, severity, tier, name, incident and status.

    Attributes:
        key: of the message. owner: the tenant, and what stands behind it in an identity. condition: the beginning of what the
            fingerprint is made of. letters: the end of the alert's id. place: the record from the incident to the tier, encoded.
        correlation: its end.
    """

    key: bytes
    owner: str
    condition: str
    letters: str
    place: str
    correlation: str


class LabelPress:
    """Makes messages of alerts by labels. May be used by several threads at once.

    Args:
        codec: the contract of alerts; one that has other fields than this knows is left to the slow way.
    """

    def __init__(self, codec: Codec[Alert]) -> None:
        self._header = codec.header.decode("latin-1") if writes_as(codec) else None
        self._shapes: dict[tuple[str, Rules], dict[_Names, Shape]] = {}
        self._common: dict[tuple[Any, ...], _Common] = {}

    def taker(self, dialect: Dialect, kept: Mapping[str, str], arrival: Arrival) -> Callable[[Any], Made | None]:
        """What makes the messages of one body, whose alerts all have `kept` among their labels; None for an unusual alert.

        It raises ItemRefusedError where a time or the status cannot be read.
        """
        if self._header is None:
            return lambda _: None
        return _Body(self, self._header, dialect, kept, arrival).message

    def shapes(self, dialect: Dialect, rules: Rules) -> dict[_Names, Shape]:
        """The shapes of a dialect's alerts that are known, by their names; emptied where they are too many."""
        found = self._shapes.setdefault((dialect.name, rules), {})
        if len(found) >= _MOST_SHAPES:
            found.clear()
        return found

    def common(self, told: tuple[str, ...], shape: Shape, resolved: bool, arrival: Arrival) -> _Common | None:
        """What alerts with these values have in common; None where another label might have to be looked at."""
        key = (told, resolved, arrival.tenant, arrival.bound, shape.others, arrival.rules.incident)
        found = self._common.get(key)
        if found is None:
            found = _common(told, shape.others, resolved, arrival)
            if found is not None and sum(map(len, told)) <= _LONGEST_COMMON:
                if len(self._common) >= _MOST_COMMON:
                    self._common = {}
                self._common[key] = found
        return found


class _Body:
    """One body: what all of its alerts have in common is encoded already."""

    __slots__ = ("_arrival", "_common", "_dialect", "_header", "_kept", "_kept_text", "_received", "_shapes")

    def __init__(
        self, press: LabelPress, header: str, dialect: Dialect, kept: Mapping[str, str], arrival: Arrival
    ) -> None:
        self._header, self._dialect, self._arrival = header, dialect, arrival
        self._shapes, self._common = press.shapes(dialect, arrival.rules), press.common
        self._kept = frozenset(kept)
        self._kept_text = "".join(text_of(name) + text_of(value) for name, value in kept.items())
        self._received = long_text(arrival.received_at)

    def message(self, item: Any) -> Made | None:
        """The message and the identity of an alert; None where it has to go the slow way."""
        if type(item) is not dict:
            return None
        labels, annotations = item.get("labels"), item.get("annotations")
        if annotations is None:
            annotations = _NOTHING
        if type(labels) is not dict or not labels or type(annotations) is not dict:
            return None
        names = (*labels, None, *annotations, None, *item)
        shape = self._shapes.get(names) or self._shape(names, labels, annotations, item)
        if shape.names is None or not shape.names.isdisjoint(self._kept):
            return None
        values = [*annotations.values(), *shape.rest(item)]
        if "" in values:
            return None
        values += labels.values()
        if not _TEXTS.issuperset(map(type, values)):
            return None
        kept = self._kept_labels(shape, values)
        return None if kept is None else self._made(item, shape, values, kept)

    def _shape(self, names: _Names, labels: Any, annotations: Any, item: Any) -> Shape:
        if len(names) > _MOST_NAMES or sum(len(name) for name in names if name) > _LONGEST_NAMES:
            return _UNUSUAL
        made = shape_of(self._dialect, self._arrival.rules, [*labels], [*annotations], [*item])
        self._shapes[names] = made
        return made

    def _kept_labels(self, shape: Shape, values: list[str]) -> str | None:
        """The labels that the record has, encoded; None where one is very long."""
        if not "".join(values).isascii():
            values = [narrow(value) for value in values]
        parts = [*shape.frame]
        try:
            parts[1::3] = map(LENGTHS.__getitem__, map(len, values))
        except IndexError:
            return None
        parts[2::3] = values
        return "".join((LENGTHS[len(self._kept) + len(values)], self._kept_text, *parts, "\0"))

    def _made(self, item: dict[str, Any], shape: Shape, values: list[str], kept: str) -> Made | None:
        arrival = self._arrival
        status, occurred_at, started_at = self._dialect.when(item, arrival)
        message = values[shape.said[0]] if len(shape.said) == 1 else message_of(item.get("annotations") or _NOTHING)
        values.append("")
        common = self._common(shape.told(values), shape, status is AlertStatus.RESOLVED, arrival)
        source = values[shape.source].strip()[:LONGEST_NAME]
        if common is None or (shape.others[3] and not source):
            return None
        condition = shape.condition % shape.conditioned(values)
        fingerprint = stable_id(common.condition + source + condition, digits=16)
        alert_id = f"{fingerprint}-{started_at:x}-{common.letters}"
        text = "".join((
            self._header, LENGTHS[len(alert_id)], alert_id, common.place, LENGTHS[16], fingerprint, text_of(source),
            long_text(occurred_at), self._received, text_of(message), kept, common.correlation,
        ))  # fmt: skip
        return Message(ALERTS.name, common.key, text.encode("latin-1")), common.owner + alert_id


_UNUSUAL = Shape(None, lambda _: (), (), 0, lambda _: (), (), "", lambda _: (), ())


def _common(told: tuple[str, ...], others: tuple[bool, ...], resolved: bool, arrival: Arrival) -> _Common | None:
    found = [value.strip()[:LONGEST_NAME] for value in told[:5]]
    if any(more and not value for more, value in zip((*others[:3], *others[4:]), found, strict=True)):
        return None
    service, environment, tenant, word, tier = found
    where = (tenant or arrival.tenant, environment or DEFAULT_ENVIRONMENT, service or UNKNOWN_SERVICE)
    if arrival.bound and where[0] != arrival.tenant:
        return None
    name, incident, correlation = told[5] or UNNAMED, told[6][:LONGEST_NAME], told[7][:LONGEST_NAME]
    incident = incident or arrival.rules.incident_of(where, dict(zip(arrival.rules.incident, told[8:], strict=True)))
    letters, choices = _choices(word, resolved, tier)
    return _Common(
        key=incident.encode(),
        owner=f"{where[0]}\x1f",
        condition="\x1f".join(("alert", *where, name, "")),
        letters=letters,
        place="".join(map(text_of, (incident, *where, name[:LONGEST_TITLE]))) + choices,
        correlation=text_of(correlation),
    )


@lru_cache(maxsize=1_000)
def _choices(word: str, resolved: bool, tier: str) -> tuple[str, str]:
    """The letters of status and severity in an alert's id, and the record's severity, status and tier, encoded."""
    severity, status = severity_of(word), AlertStatus.RESOLVED if resolved else AlertStatus.FIRING
    chosen = (severity, status, tier_of(tier))
    return LETTERS[status] + LETTERS[severity], "".join(
        ENUMERATIONS[type(one)][one].decode("latin-1") for one in chosen
    )
