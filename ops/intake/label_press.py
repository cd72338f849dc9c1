"""Alerts by labels, by the ten thousand: their Avro bytes by columns, without an object for each.

The bytes are those that `ops.intake.labelled` and the codec make; whatever is unusual goes that way. What hangs on the names of
an alert's members alone is found out once for each set of names (`ops.intake.label_shape`). Alerts of a body that have the same
names are a table: a column that has one value is looked at once, and the rows are joined by the interpreter's own loops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any

from ops.intake.alert_bytes import ENUMERATIONS, writes_as
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival, Made
from ops.intake.columns import Column, column, joined, length_of, long_text, merged, rows_of, size_of, text_of, texts_of
from ops.intake.errors import ItemRefusedError
from ops.intake.formats.notices import UNNAMED, Dialect, When
from ops.intake.label_shape import Shape, shape_of
from ops.intake.labelled import LETTERS, severity_of, text_at, tier_of
from ops.intake.models import LONGEST_NAME, LONGEST_TITLE
from ops.intake.reading import LONGEST_RECORD, Reading
from ops.intake.rules import UNKNOWN_SERVICE, Rules
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.identity import stable_ids
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus
from streams.outbox import keyed_messages
from streams.topics import ALERTS

# Sets of member names that are remembered; at some 4,000 bytes each, 1,000 are 4 MB. Larger sets go the slow way.
_MOST_SHAPES = 1_000
_MOST_NAMES, _LONGEST_NAMES = 100, 4_096
# Sets of values that are remembered; at some 2,000 bytes each, 10,000 are 20 MB. Larger ones are made anew each time.
_MOST_COMMON, _LONGEST_COMMON = 10_000, 1_000
# A time that is longer goes the slow way.
_LONGEST_TIME = 64
_TEXTS, _TEXTS_OR_NONE = frozenset((str,)), frozenset((str, type(None)))
_NOTHING: dict[str, Any] = {}

_Names = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
_Columns = list[Sequence[str]]


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
        for names, places in _alike(items).items():
            shape = self.shape(dialect, arrival.rules, names)
            if shape.names is None or not shape.names.isdisjoint(kept):
                continue
            rows = items if len(places) == len(items) else [items[place] for place in places]
            for place, one in zip(places, body.table(shape, rows), strict=True):
                found[place] = one
        return found

    def shape(self, dialect: Dialect, rules: Rules, names: _Names) -> Shape:
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


class _OddRowsError(Exception):
    """These rows have to go the slow way."""

    def __init__(self, rows: Sequence[int]) -> None:
        super().__init__()
        self.rows = frozenset(rows)


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
        except _OddRowsError as odd:
            left = [item for row, item in enumerate(items) if row not in odd.rows]
            made = iter(self.table(shape, left) if left else ())
            return [None if row in odd.rows else next(made) for row in range(len(items))]

    def _pressed(self, shape: Shape, items: Sequence[Any]) -> list[Made | None]:
        rows = len(items)
        values = _values(shape, items)
        columns: list[Column] = [*map(column, values), ""] if rows > 1 else [*map(itemgetter(0), values), ""]
        whens = _whens(self.dialect, items, self.arrival)
        common = self._commons(shape, columns, whens, rows)
        source = _source(shape, columns, rows)
        fingerprint = _fingerprint(shape, columns, common, source)
        ids = joined(merged([fingerprint, *_started(whens), _of(common, "letters")]))
        lengths, texts = texts_of([ids, fingerprint, source, _message(shape, columns)])
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
    ) -> _Common | list[_Common]:
        """What each row has in common with others; one for all where they are alike."""
        told = [columns[place] for place in shape.told]
        fixed = tuple([one for one in told if isinstance(one, str)])
        if isinstance(whens, When) and len(fixed) == len(told):
            common = self.press.common(fixed, shape, whens.status is AlertStatus.RESOLVED, self.arrival)
            if common is None:
                raise _OddRowsError(range(rows))
            return common
        of_each = [whens] * rows if isinstance(whens, When) else whens
        resolved = [when.status is AlertStatus.RESOLVED for when in of_each]
        keys = list(zip(zip(*(rows_of(one, rows) for one in told), strict=True), resolved, strict=True))
        known = {key: self.press.common(key[0], shape, key[1], self.arrival) for key in set(keys)}
        _refuse_rows([row for row, key in enumerate(keys) if known[key] is None])
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


def _alike(items: Sequence[Any]) -> Mapping[_Names, Sequence[int]]:
    """The places of items that look like alerts, by the names that they have."""
    alike: dict[_Names, list[int]] = {}
    for place, item in enumerate(items):
        if type(item) is dict:
            labels, annotations = item.get("labels"), item.get("annotations", _NOTHING)
            if type(labels) is dict and labels and type(annotations) is dict:
                names = (tuple(labels), tuple(annotations), tuple(item))
                if (places := alike.get(names)) is None:
                    alike[names] = [place]
                else:
                    places.append(place)
    return alike


def _values(shape: Shape, items: Sequence[Any]) -> _Columns:
    """The columns of annotations, other members and labels.

    Raises:
        _OddRowsError: of rows with values that are no texts, or that say nothing where others of the column do.
    """
    columns: _Columns = [
        *zip(*[item.get("annotations", _NOTHING).values() for item in items], strict=True),
        *zip(*map(shape.rest, items), strict=True),
        *zip(*[item["labels"].values() for item in items], strict=True),
    ]
    odd: list[int] = []
    for place, texts in enumerate(columns):
        if not _TEXTS.issuperset(map(type, texts)):
            if shape.first_rest <= place < shape.first_label:
                columns[place] = [*map(_text, texts)]
            odd += [row for row, text in enumerate(columns[place]) if type(text) is not str]
        if place < shape.first_label and "" in texts and texts.count("") < len(texts):
            odd += [row for row, text in enumerate(texts) if text == ""]
    _refuse_rows(odd)
    return columns


def _text(value: Any) -> Any:
    """A member as a label's text; None where it cannot be one."""
    if type(value) is str:
        return value
    try:
        return text_at({"": value}, "")
    except (InvalidInputError, RecursionError, TypeError):
        return None


def _whens(dialect: Dialect, items: Sequence[Any], arrival: Arrival) -> When | list[When]:
    """Whether each fires, and since when; one for all where they say the same.

    Raises:
        _OddRowsError: of rows where that cannot be read, or not at once.
    """
    stamps = list(zip(*([item.get(name) for item in items] for name in dialect.moments), strict=True))
    known: dict[Any, When | None] = {}
    try:
        for stamp in set(stamps):
            known[stamp] = _when(dialect, stamp, arrival)
        found = [known[stamp] for stamp in stamps] if len(known) > 1 else [*known.values()]
    except TypeError:  # one is a list or an object
        found = [_when(dialect, stamp, arrival) for stamp in stamps]
    whens = [when for when in found if when is not None]
    if len(whens) == len(found):
        return whens[0] if len(whens) == 1 else whens
    raise _OddRowsError([row for row in range(len(items)) if found[row % len(found)] is None])


def _when(dialect: Dialect, stamp: tuple[Any, ...], arrival: Arrival) -> When | None:
    if not _TEXTS_OR_NONE.issuperset(map(type, stamp)) or any(text and len(text) > _LONGEST_TIME for text in stamp):
        return None
    try:
        return dialect.when(dict(zip(dialect.moments, stamp, strict=True)), arrival)
    except ItemRefusedError:
        return None


def _refuse_rows(odd: Sequence[int]) -> None:
    if odd:
        raise _OddRowsError(odd)


def _of(common: _Common | list[_Common], name: str) -> Column:
    if isinstance(common, _Common):
        return str(getattr(common, name))
    return column([getattr(one, name) for one in common])


def _source(shape: Shape, columns: Sequence[Column], rows: int) -> Column:
    told = columns[shape.source]
    if isinstance(told, str):
        source: Column = told.strip()[:LONGEST_NAME]
    else:
        source = [*map(str.strip, told)]
        if max(map(len, source)) > LONGEST_NAME:
            source = [text[:LONGEST_NAME] for text in source]
    if shape.others[3]:  # another label would do where this one is blank
        _refuse_rows([row for row, text in enumerate(rows_of(source, rows)) if not text])
    return source


def _fingerprint(shape: Shape, columns: Sequence[Column], common: _Common | list[_Common], source: Column) -> Column:
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


def _message(shape: Shape, columns: Sequence[Column]) -> Column:
    """What people read, as `ops.intake.formats.notices.message_of` puts it together."""
    said = [columns[place] for place in shape.said if columns[place] != ""]
    if len(said) <= 1:
        return said[0] if said else ""
    if all(isinstance(one, str) for one in said):
        return "\n".join(dict.fromkeys(map(str, said)))
    rows = max(len(one) for one in said if not isinstance(one, str))
    return ["\n".join(dict.fromkeys(row)) for row in zip(*(rows_of(one, rows) for one in said), strict=True)]


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
