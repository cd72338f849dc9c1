"""Alerts by labels, by the ten thousand: their Avro bytes by columns, without an object for each.

The bytes are those that `ops.intake.labelled` and the codec make; whatever is unusual goes that way. What hangs on the names of
an alert's members alone is found out once for each set of names (`ops.intake.label_shape`). Alerts of a body that have the same
names are a table: a column that has one value is looked at once, and the rows are joined by the interpreter's own loops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from typing import Any

from ops.intake.alert_bytes import writes_as
from ops.intake.arrival import Arrival, Made
from ops.intake.columns import (
    Column,
    column,
    joined,
    length_of,
    long_text,
    merged,
    narrow,
    pays,
    rows_of,
    size_of,
    text_of,
    texts_of,
)
from ops.intake.formats.notices import Dialect, When, message_of
from ops.intake.label_common import Common, common_of
from ops.intake.label_shape import Shape, shape_of
from ops.intake.label_table import (
    NOTHING,
    TEXTS,
    Names,
    OddRowsError,
    alike,
    message_column,
    refuse_rows,
    source_of,
    values_of,
    when_of,
    whens_of,
)
from ops.intake.models import LONGEST_NAME
from ops.intake.reading import LONGEST_RECORD, Reading
from ops.intake.rules import Rules
from schemas.codec import Codec
from schemas.identity import stable_ids
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus
from streams.outbox import Message, keyed_messages
from streams.topics import ALERTS

# Sets of member names that are remembered; at some 4,000 bytes each, 1,000 are 4 MB. Larger sets go the slow way.
_MOST_SHAPES = 1_000
_MOST_NAMES, _LONGEST_NAMES = 100, 4_096
# Sets of values that are remembered; at some 2,000 bytes each, 10,000 are 20 MB. Larger ones are made anew each time.
_MOST_COMMON, _LONGEST_COMMON = 10_000, 1_000


class LabelPress:
    """Makes messages of alerts by labels. May be used by several threads at once.

    Args:
        codec: the contract of alerts; one that has other fields than this knows is left to the slow way.
    """

    def __init__(self, codec: Codec[Alert]) -> None:
        self._header = codec.header.decode("latin-1") if writes_as(codec) else None
        self._shapes: dict[tuple[str, Rules], dict[Names, Shape]] = {}
        self._common: dict[tuple[Any, ...], Common] = {}

    def made(
        self, items: Sequence[Any], dialect: Dialect, kept: Mapping[str, str], arrival: Arrival, reading: Reading
    ) -> list[Made | None]:
        """The messages and identities of a body's items, which all have `kept` among their labels; None where one is unusual.

        The reading is told of the bytes, before they are made.

        Raises:
            BodyRefusedError: the body makes too much of itself.
        """
        found: list[Made | None] = [None] * len(items)
        if self._header is None:
            return found
        around = "".join(text_of(name) + text_of(value) for name, value in kept.items())
        body = _Body(self, self._header, dialect, around, len(kept), arrival, reading)
        tables = alike(items)
        for names, places in tables.items():
            if not pays(len(places), len(tables)):
                continue
            shape = self.shape(dialect, arrival.rules, names)
            if shape.names is None or not shape.names.isdisjoint(kept):
                continue
            if len(items) == 1 and (one := body.single(shape, items[0])) is not None:
                return [one]
            rows = items if len(places) == len(items) else [items[place] for place in places]
            for place, one in zip(places, body.table(shape, rows), strict=True):
                found[place] = one
        return found

    def shape(self, dialect: Dialect, rules: Rules, names: Names) -> Shape:
        """The shape of a dialect's alerts that have these names."""
        known = self._shapes.setdefault((dialect.name, rules), {})
        if (found := known.get(names)) is not None:
            return found
        if sum(map(len, names)) > _MOST_NAMES or sum(len(name) for part in names for name in part) > _LONGEST_NAMES:
            return _UNUSUAL
        if len(known) >= _MOST_SHAPES:
            known.clear()
        known[names] = made = shape_of(dialect, rules, *names)
        return made

    def common(self, told: tuple[str, ...], shape: Shape, resolved: bool, arrival: Arrival) -> Common | None:
        """What alerts with these values have in common; None where another label might have to be looked at."""
        key = (told, resolved, arrival.tenant, arrival.bound, shape.others, arrival.rules.incident)
        found = self._common.get(key)
        if found is None:
            found = common_of(told, shape.others, resolved, arrival)
            if found is not None and sum(map(len, told)) <= _LONGEST_COMMON:
                if len(self._common) >= _MOST_COMMON:
                    self._common = {}
                self._common[key] = found
        return found


@dataclass(frozen=True, slots=True)
class _Body:
    """One body: what all of its alerts have in common; `kept` are their labels that it gives, encoded."""

    press: LabelPress
    header: str
    dialect: Dialect
    kept: str
    kept_count: int
    arrival: Arrival
    reading: Reading

    def table(self, shape: Shape, items: Sequence[Any]) -> list[Made | None]:
        """Of items of one shape; None for those that have to go the slow way."""
        try:
            return self._pressed(shape, items)
        except OddRowsError as odd:
            left = [item for row, item in enumerate(items) if row not in odd.rows]
            made = iter(self.table(shape, left) if left else ())
            return [None if row in odd.rows else next(made) for row in range(len(items))]

    def single(self, shape: Shape, item: Any) -> Made | None:
        """Of a body's only item, at half a table's price; None where anything of it is unusual."""
        values = [*item.get("annotations", NOTHING).values(), *shape.rest(item), *item["labels"].values()]
        if not TEXTS.issuperset(map(type, values)) or "" in values[: shape.first_label]:
            return None
        when = when_of(self.dialect, tuple([item.get(name) for name in self.dialect.moments]), self.arrival)
        if when is None:
            return None
        narrowed = values if "".join(values).isascii() else [*map(narrow, values)]
        values = [*values, ""]
        told = tuple([values[place] for place in shape.told])
        common = self.press.common(told, shape, when.status is AlertStatus.RESOLVED, self.arrival)
        source = values[shape.source].strip()[:LONGEST_NAME]
        if common is None or (shape.others[3] and not source):
            return None
        condition = "".join([name + values[place] for name, place in shape.condition])
        fingerprint = stable_ids([common.condition + source + condition], digits=16)[0]
        alert_id = f"{fingerprint}-{when.started_at:x}-{common.letters}"
        labels = [*shape.frame]
        labels[1::3], labels[2::3] = [*map(length_of, map(len, narrowed))], narrowed
        text = "".join([
            self.header, text_of(alert_id), common.place, text_of(fingerprint), text_of(source), long_text(when.occurred_at),
            long_text(self.arrival.received_at), text_of(message_of(item.get("annotations", NOTHING))),
            length_of(self.kept_count + len(narrowed)), self.kept, *labels, "\0", common.correlation,
        ])  # fmt: skip
        if len(text) > LONGEST_RECORD:
            return None
        self.reading.spend_all(len(text))
        return Message(ALERTS.name, common.key, text.encode("latin-1")), common.owner + alert_id

    def _pressed(self, shape: Shape, items: Sequence[Any]) -> list[Made | None]:
        rows = len(items)
        values = values_of(shape, items)
        columns: list[Column] = [*map(column, values), ""] if rows > 1 else [*map(itemgetter(0), values), ""]
        whens = whens_of(self.dialect, items, self.arrival)
        common = self._commons(shape, columns, whens, rows)
        source = source_of(shape, columns, rows)
        fingerprint = _fingerprint(shape, columns, common, source)
        ids = joined(merged([fingerprint, *_started(whens), _of(common, "letters")]))
        lengths, texts = texts_of([ids, fingerprint, source, message_column(shape, columns)])
        record = merged([
            self.header, lengths[0], texts[0], _of(common, "place"), lengths[1], texts[1], lengths[2], texts[2],
            _occurred(whens), long_text(self.arrival.received_at), lengths[3], texts[3], *self._labels(shape, columns),
            _of(common, "correlation"),
        ])  # fmt: skip
        self.reading.spend_all(size_of(record, rows))
        made = [text.encode("latin-1") for text in rows_of(joined(record), rows)]
        keys = [one.key for one in common] if isinstance(common, list) else repeat(common.key)
        messages = keyed_messages(ALERTS.name, keys, made)
        pairs = zip(messages, rows_of(joined(merged([_of(common, "owner"), ids])), rows), strict=True)
        if max(map(len, made)) <= LONGEST_RECORD:
            return list(pairs)
        return [None if len(value) > LONGEST_RECORD else one for one, value in zip(pairs, made, strict=True)]

    def _commons(
        self, shape: Shape, columns: Sequence[Column], whens: When | list[When], rows: int
    ) -> Common | list[Common]:
        """What each row has in common with others; one for all where they are alike."""
        told = [columns[place] for place in shape.told]
        fixed = tuple([one for one in told if isinstance(one, str)])
        if isinstance(whens, When) and len(fixed) == len(told):
            common = self.press.common(fixed, shape, whens.status is AlertStatus.RESOLVED, self.arrival)
            if common is None:
                raise OddRowsError(range(rows))
            return common
        of_each = [whens] * rows if isinstance(whens, When) else whens
        resolved = [when.status is AlertStatus.RESOLVED for when in of_each]
        keys = list(zip(zip(*(rows_of(one, rows) for one in told), strict=True), resolved, strict=True))
        known = {key: self.press.common(key[0], shape, key[1], self.arrival) for key in set(keys)}
        refuse_rows([row for row, key in enumerate(keys) if known[key] is None])
        return [one for key in keys if (one := known[key]) is not None]

    def _labels(self, shape: Shape, columns: Sequence[Column]) -> list[Column]:
        """The record's labels, encoded: one block of all pairs, and the empty one that ends a map."""
        lengths, texts = texts_of(columns[:-1])
        parts: list[Column] = [*shape.frame]
        parts[1::3], parts[2::3] = lengths, texts
        count = self.kept_count + len(texts)
        if "" in texts[: shape.first_label]:
            for place in range(shape.first_label):
                if texts[place] == "":  # an annotation or a member that says nothing is not kept
                    parts[3 * place : 3 * place + 3] = "", "", ""
                    count -= 1
        return [length_of(count), self.kept, *parts, "\0"]


_UNUSUAL = Shape(None, (), lambda _: (), 0, 0, 0, (), (), (), ())


def _of(common: Common | list[Common], name: str) -> Column:
    if isinstance(common, Common):
        return str(getattr(common, name))
    return column([getattr(one, name) for one in common])


def _fingerprint(shape: Shape, columns: Sequence[Column], common: Common | list[Common], source: Column) -> Column:
    condition = [part for name, place in shape.condition for part in (name, columns[place])]
    texts = joined(merged([_of(common, "condition"), source, *condition]))
    return stable_ids([texts], digits=16)[0] if isinstance(texts, str) else stable_ids(texts, digits=16)


def _started(whens: When | list[When]) -> list[Column]:
    if isinstance(whens, When):
        return [f"-{whens.started_at:x}-"]
    return ["-", [f"{when.started_at:x}" for when in whens], "-"]


def _occurred(whens: When | list[When]) -> Column:
    if isinstance(whens, When):
        return long_text(whens.occurred_at)
    return [long_text(when.occurred_at) for when in whens]
