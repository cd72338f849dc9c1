"""Rows of a file become alerts, by the rules of `ops.intake.models`, tens of thousands a second.

What stays from row to row (service, name, source, …) is validated and encoded once; id, time and message are filled in.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import Any, Self

import orjson

from ops.intake import values
from ops.intake.arrival import Arrival
from ops.intake.formats.native import alert_of
from ops.intake.models import LONGEST_NAME
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis
from schemas.template import AlertTemplate, avro_long, avro_string

# The names that a field may have in a file, where --map does not say.
NATIVE: dict[str, tuple[str, ...]] = {
    "alert_id": ("alert_id",),
    "incident_id": ("incident_id",),
    "tenant": ("tenant",),
    "environment": ("environment",),
    "service": ("service", "container_name"),
    "name": ("name", "alert_type"),
    "severity": ("severity",),
    "status": ("status",),
    "tier": ("tier",),
    "fingerprint": ("fingerprint",),
    "source": ("source",),
    "occurred_at": ("occurred_at", "timestamp", "time"),
    "message": ("message", "logs", "description", "summary"),
    "correlation_id": ("correlation_id",),
}
_VARYING = ("alert_id", "occurred_at", "message")
# Conditions and times that are remembered; at some 600 bytes each, 20,000 are 12 MB.
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class RowMapping:
    """Which column is which field, which columns are labels, and the tenant of alerts that name none."""

    fields: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    tenant: str = "default"

    @classmethod
    def parse(cls, pairs: Sequence[str], labels: str, tenant: str) -> Self:
        """From the options `--map FIELD=COLUMN`, `--labels a,b` and `--tenant`.

        Raises:
            InvalidInputError: a pair has no `=`, or names no field of an alert.
        """
        fields = {}
        for pair in pairs:
            name, equals, column = pair.partition("=")
            if not equals or name not in NATIVE:
                raise InvalidInputError(f"{pair!r} maps nothing; give FIELD=COLUMN, FIELD one of {', '.join(NATIVE)}.")
            fields[name] = column
        return cls(fields, tuple(label for label in labels.split(",") if label), tenant)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """What `to_json` wrote."""
        found = json.loads(text)
        return cls(found["fields"], tuple(found["labels"]), found["tenant"])

    def to_json(self) -> bytes:
        """As the header of a dead letter holds it."""
        return json.dumps(asdict(self)).encode()

    def columns(self, there: Sequence[str]) -> dict[str, str]:
        """The column of each field, of those that are there: the mapped one, else one with a native name.

        Raises:
            InvalidInputError: a column that was named is not there, or none is a field of an alert.
        """
        missing = [column for column in (*self.fields.values(), *self.labels) if column not in there]
        if missing:
            raise InvalidInputError(f"There is no column {missing[0]!r}; there are {', '.join(there)}.")
        taken = set(self.fields.values())
        native = {
            name: column for name, columns in NATIVE.items() for column in reversed(columns)
            if column in there and column not in taken
        }  # fmt: skip
        if not native and not self.fields:
            some = values.shown(", ".join(there))
            raise InvalidInputError(
                f"No column is a field of an alert, so it is no CSV of alerts. Its first line is {some}; have it name columns "
                "like service, name, severity, occurred_at and message, or say which is which with --map FIELD=COLUMN."
            )
        return native | self.fields


class AlertMaker:
    """Makes framed alerts of what rows hold. `tick` tells it the time now and then.

    Args:
        codec: the contract of alerts.
        tenant: of alerts that name none.
        run: begins the ids of alerts that have none; the row's number ends them.
    """

    def __init__(self, codec: Codec[Alert], tenant: str, run: str) -> None:
        self._codec = codec
        self._tenant = tenant
        self._run = run
        self._now: Millis = 0
        self._received = b""
        self._templates: dict[Any, AlertTemplate] = {}
        self._times: dict[Any, Millis] = {}

    def tick(self, now_ms: Millis) -> None:
        """The arrival time of the alerts that follow."""
        self._now = now_ms
        self._received = avro_long(now_ms)

    def make(
        self, constant: Any, fields: Callable[[], dict[str, Any]], varying: tuple[Any, ...], ordinal: int
    ) -> tuple[bytes, bytes]:
        """Key and value of one alert.

        Args:
            constant: what tells alerts apart that differ in more than `varying`.
            fields: gives the fields that `constant` stands for.
            varying: alert_id, occurred_at and message, None or "" for what is not given.
            ordinal: the row's number.

        Raises:
            InvalidInputError: a field is missing, cannot be taken, or is no UTF-8.
        """
        try:
            template = self._templates.get(constant) or self._template(constant, fields())
            return template.key, self._filled(template, varying, ordinal)
        except UnicodeEncodeError as error:
            raise InvalidInputError("The row is not UTF-8; write it so.") from error

    def _filled(self, template: AlertTemplate, varying: tuple[Any, ...], ordinal: int) -> bytes:
        alert_id, occurred_at, message = varying[:3]
        return template.fill(
            f"{self._run}-{ordinal}" if alert_id is None or alert_id == "" else _named("alert_id", alert_id),
            self._now if occurred_at is None or occurred_at == "" else self._time(occurred_at),
            self._received,
            None if message is None or message == "" else avro_string(values.lines(message)),
        )

    def _template(self, constant: Any, fields: dict[str, Any]) -> AlertTemplate:
        if len(self._templates) >= _MOST_REMEMBERED:
            self._templates.clear()
        alert = alert_of(fields, Arrival(self._now, lambda: "", self._tenant))
        self._templates[constant] = AlertTemplate(self._codec, alert)
        return self._templates[constant]

    def _time(self, written: Any) -> Millis:
        # Of unhashable values none is a time.
        known = self._times.get(written) if isinstance(written, (str, int, float)) else None
        if known is None or isinstance(written, bool):
            if len(self._times) >= _MOST_REMEMBERED:
                self._times.clear()
            try:
                known = values.time_ms(written)
            except InvalidInputError as error:
                raise InvalidInputError(f"occurred_at {error}.") from error
            self._times[written] = known
        return known


class CsvAlerts:
    """Alerts of the rows of one CSV file.

    Raises:
        InvalidInputError: the header lacks a column that the mapping names.
    """

    def __init__(self, header: Sequence[str], mapping: RowMapping, maker: AlertMaker) -> None:
        at = {column: place for place, column in enumerate(header)}
        columns = mapping.columns(header)
        self._width = len(header)
        self._maker = maker
        self._labels = mapping.labels
        self._names = [name for name in columns if name not in _VARYING]
        self._constant = _picker([at[columns[name]] for name in self._names] + [at[label] for label in self._labels])
        # A place beyond every row: there such a field is not given.
        self._varying = _picker([at.get(columns.get(name, ""), self._width) for name in _VARYING])

    def alert(self, row: list[str], ordinal: int) -> tuple[bytes, bytes]:
        """Key and value of a row's alert.

        Raises:
            InvalidInputError: the row has another number of cells than the header, or a cell cannot be taken.
        """
        if len(row) != self._width:
            raise InvalidInputError(f"The row has {len(row)} cells, the header {self._width}; give as many.")
        constant = self._constant(row)
        row.append("")
        return self._maker.make(constant, lambda: self._fields(constant), self._varying(row), ordinal)

    def _fields(self, constant: tuple[Any, ...]) -> dict[str, Any]:
        labels = constant[len(self._names) :]
        return dict(zip(self._names, constant, strict=False)) | {
            "labels": dict(zip(self._labels, labels, strict=False))
        }


class JsonAlerts:
    """Alerts of JSON lines; a line's own `labels` are kept, and members that are asked for are labels too."""

    def __init__(self, mapping: RowMapping, maker: AlertMaker) -> None:
        self._mapping = mapping
        self._maker = maker
        self._columns = {name: (mapping.fields[name],) if name in mapping.fields else NATIVE[name] for name in NATIVE}

    def alert(self, line: bytes, ordinal: int) -> tuple[bytes, bytes]:
        """Key and value of a line's alert.

        Raises:
            InvalidInputError: the line is no JSON object, or a member cannot be taken.
        """
        try:
            item = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InvalidInputError(f"The line is no JSON: {error}.") from error
        if not isinstance(item, dict):
            raise InvalidInputError(f"The line is {values.shown(item)}; give an object.")
        fields = self._fields(item)
        varying = (fields.pop("alert_id", None), fields.pop("occurred_at", None), fields.pop("message", None))
        constant = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
        return self._maker.make(constant, lambda: fields, varying, ordinal)

    def _fields(self, item: dict[str, Any]) -> dict[str, Any]:
        fields = {}
        for name, columns in self._columns.items():
            for column in columns:
                if item.get(column) is not None:
                    fields[name] = item[column]
                    break
        labels = item.get("labels")
        if self._mapping.labels:
            chosen = {label: item[label] for label in self._mapping.labels if label in item}
            labels = {**labels, **chosen} if isinstance(labels, dict) else chosen
        return fields if labels is None else fields | {"labels": labels}


def _picker(places: list[int]) -> Callable[[Sequence[str]], tuple[Any, ...]]:
    """Takes these cells of a row, and always gives a tuple."""
    if not places:
        return lambda _: ()
    # Twice the last place: with one place alone itemgetter gives no tuple.
    return itemgetter(*places, places[-1])


def _named(name: str, value: Any) -> str:
    try:
        return values.text(value, LONGEST_NAME)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name} {error}.") from error
