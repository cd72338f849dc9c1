"""Native alerts by the ten thousand: what they have in common is validated and encoded once, by the rules of `ops.intake.models`.

A condition that comes a second time gets a template; id, time and message are filled in, by columns. The bytes are those that the
slow way makes, and whatever is unusual goes the slow way.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

import orjson

from ops.intake import values
from ops.intake.arrival import Arrival, Made
from ops.intake.identity import condition_id, named_identity
from ops.intake.models import LONGEST_NAME, AlertIn
from ops.intake.reading import LONGEST_RECORD, Reading
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis
from schemas.template import AlertTemplate, avro_long
from streams.outbox import keyed_messages
from streams.topics import ALERTS

# Conditions that are remembered, of all sets of members together; at some 1,500 bytes each, 20,000 are 30 MB. A condition of more
# bytes goes the slow way.
_MOST = 20_000
_LONGEST = 4_096
_TIMES = ("timestamp", "occurred_at", "time")
# A time that is longer goes the slow way.
_LONGEST_TIME = 64
# Whole numbers between these are epoch milliseconds (see ops.intake.values).
_LEAST_MS, _BELOW_MS = 100_000_000_000, 100_000_000_000_000
_LENGTHS = [avro_long(length) for length in range(2048)]
_TEXTS, _NUMBERS = frozenset((str,)), frozenset((int,))

# What tells a condition from others: the values of its members but id, time and message, those that are no texts as JSON.
_Row = tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True)
class _Pressed:
    """A condition: its template, its tenant, and an alert of it."""

    template: AlertTemplate
    tenant: str
    alert: Alert

    def alert_id(self, at: Millis, message: str | None) -> str:
        """The id of one without an id of its own, of a time that was given."""
        return condition_id(self.alert, at, self.alert.message if message is None else message)


@dataclass(eq=False, slots=True)
class _Kind:
    """Alerts that have the same members: the conditions among them that are known, and those that came once."""

    known: dict[_Row, _Pressed] = field(default_factory=dict)
    seen: set[_Row] = field(default_factory=set)


class AlertPress:
    """Makes messages of native alerts. May be used by several threads at once.

    Args:
        codec: the contract of alerts.
    """

    def __init__(self, codec: Codec[Alert]) -> None:
        self._codec = codec
        self._kinds: dict[tuple[str, tuple[str, ...]], _Kind] = {}
        self._remembered = 0

    def __len__(self) -> int:
        """What is remembered: sets of members, and conditions, of which one that came twice counts twice."""
        return self._remembered

    def made(self, items: Sequence[Any], arrival: Arrival, reading: Reading) -> list[Made | None]:
        """The messages and identities of a body's items; None where one has to go the slow way.

        Raises:
            BodyRefusedError: they are endless.
        """
        found: list[Made | None] = [None] * len(items)
        for names, places in _alike(items).items():
            rows = items if len(places) == len(items) else [items[place] for place in places]
            table = _table(names, rows)
            if table is not None:
                self._fill(found, places, table, arrival, reading)
        return found

    def _fill(
        self, found: list[Made | None], places: Sequence[int], table: "_Table", arrival: Arrival, reading: Reading
    ) -> None:
        pressed = self._pressed(table, arrival)
        usual = [row for row, one in enumerate(pressed) if one is not None and table.usual(row)]
        # The arrival's ids are given in the order of the items, however often the body is read, and by whichever way.
        if not usual or (table.named is None and table.stamps is None and len(usual) < len(found)):
            return
        known = [one for row in usual if (one := pressed[row]) is not None]
        times, messages, ids = table.times(usual), table.messages(usual), table.ids(usual)
        if ids is None:
            new_id = arrival.new_id
            ids = [
                new_id() if at is None else one.alert_id(at, message)
                for one, at, message in zip(known, times, messages or repeat(None), strict=False)
            ]
        received = avro_long(arrival.received_at)
        templates = [one.template for one in known]
        said = [one.message for one in templates] if messages is None else [*map(bytes.__add__, *_encoded(messages))]
        made = list(map(b"".join, zip(
            [one.head for one in templates], *_encoded(ids), [one.between for one in templates],
            [received if at is None else avro_long(at) for at in times], repeat(received), said,
            [one.tail for one in templates], strict=False,
        )))  # fmt: skip
        reading.spend_all(sum(map(len, made)))
        out = keyed_messages(ALERTS.name, [one.key for one in templates], made)
        for row, message, one, name in zip(usual, out, known, ids, strict=True):
            if len(message.value or b"") <= LONGEST_RECORD:
                found[places[row]] = message, named_identity(one.tenant, name)

    def _pressed(self, table: "_Table", arrival: Arrival) -> list[_Pressed | None]:
        """The condition of each row; None where it is not known yet, or is none that may be sent."""
        kind = self._kinds.get((arrival.tenant, table.names)) or self._kind(arrival.tenant, table.names)
        if kind is None:
            return [None] * len(table.rows)
        found = [*map(kind.known.get, table.rows)]
        if None in found:
            for row, one in enumerate(found):
                if one is None and table.usual(row):
                    found[row] = self._learned(kind, table, row, arrival)
        if arrival.bound:
            return [one if one is not None and one.tenant == arrival.tenant else None for one in found]
        return found

    def _kind(self, tenant: str, names: tuple[str, ...]) -> _Kind | None:
        if sum(map(len, names)) > _LONGEST:
            return None
        self._count()
        return self._kinds.setdefault((tenant, names), _Kind())

    def _count(self) -> None:
        """One more is remembered: where that is one too many, nothing else is."""
        self._remembered += 1
        if self._remembered > _MOST:
            self._kinds, self._remembered = {}, 1

    def _learned(self, kind: _Kind, table: "_Table", row: int, arrival: Arrival) -> _Pressed | None:
        """A template for what comes a second time: making one costs as much as five alerts the slow way."""
        key = table.rows[row]
        if sum(map(len, key)) + sum(map(len, table.names)) > _LONGEST:
            return None
        if key in kind.known:  # of a row before
            return kind.known[key]
        self._count()
        if key not in kind.seen:
            kind.seen.add(key)
            return None
        try:
            # The template has no id; the body's next is for the alert itself.
            alert = AlertIn.model_validate(table.condition(row)).record(replace(arrival, new_id=str))
        except ValueError:
            return None  # the slow way says what is wrong
        made = _Pressed(AlertTemplate(self._codec, alert), alert.tenant, alert)
        kind.known[key] = made
        return made


@dataclass(frozen=True, slots=True)
class _Table:
    """Items of the same members, by columns.

    Attributes:
        names: of the members but id, time and message. rows: what tells the condition of each.
        odd: rows that have to go the slow way. stamps, said, named: times, messages and ids, where such a member is there.
    """

    names: tuple[str, ...]
    items: Sequence[dict[str, Any]]
    rows: Sequence[_Row]
    odd: frozenset[int]
    stamps: Sequence[Millis] | None
    said: Sequence[str] | None
    named: Sequence[str] | None

    def usual(self, row: int) -> bool:
        """Whether a row may go the quick way."""
        return row not in self.odd

    def condition(self, row: int) -> dict[str, Any]:
        """A row's members but id, time and message."""
        return {name: value for name, value in self.items[row].items() if name not in _VARYING}

    def times(self, usual: Sequence[int]) -> Sequence[Millis | None]:
        """Epoch ms, None where no time was given."""
        return [None] * len(usual) if self.stamps is None else _chosen(self.stamps, usual)

    def messages(self, usual: Sequence[int]) -> Sequence[str] | None:
        """What people read; None where that is among the condition."""
        return None if self.said is None else _chosen(self.said, usual)

    def ids(self, usual: Sequence[int]) -> Sequence[str] | None:
        """The senders' ids; None where they give none."""
        return None if self.named is None else _chosen(self.named, usual)


_VARYING = frozenset(("alert_id", "message", *_TIMES))


def _alike(items: Sequence[Any]) -> dict[tuple[str, ...], list[int]]:
    """The places of objects, by the names of their members."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, item in enumerate(items):
        if type(item) is dict:
            names = tuple(item)
            if (places := alike.get(names)) is None:
                alike[names] = [place]
            else:
                places.append(place)
    return alike


def _table(names: tuple[str, ...], items: Sequence[dict[str, Any]]) -> _Table | None:
    """Items that all have these members; None where two members mean the same."""
    times = [name for name in _TIMES if name in names]
    if len(times) > 1 or ("message" in names and ("description" in names or "summary" in names)):
        return None
    columns = dict(zip(names, zip(*[item.values() for item in items], strict=True), strict=True))
    odd: set[int] = set()
    stamps = _times(columns[times[0]], odd) if times else None
    said = _texts(columns["message"], odd, bool) if "message" in names else None
    named = _texts(columns["alert_id"], odd, _is_id) if "alert_id" in names else None
    rest = [_comparable(column, odd) for name, column in columns.items() if name not in _VARYING]
    rows = list(zip(*rest, strict=True)) if rest else [()] * len(items)
    own = tuple(name for name in names if name not in _VARYING)
    return _Table(own, items, rows, frozenset(odd), stamps, said, named)


def _texts(column: Sequence[Any], odd: set[int], usual: Callable[[str], bool]) -> Sequence[str]:
    """Texts of which none is unusual; such are put among the odd, and "" stands in their place."""
    if _TEXTS.issuperset(map(type, column)) and all(map(usual, column)):
        return column
    bad = [row for row, text in enumerate(column) if type(text) is not str or not usual(text)]
    odd.update(bad)
    unusual = frozenset(bad)
    return ["" if row in unusual else text for row, text in enumerate(column)]


def _is_id(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and text == text.strip()


def _times(column: Sequence[Any], odd: set[int]) -> Sequence[Millis]:
    """Epoch ms; what is no time, or a long text, is put among the odd."""
    if _NUMBERS.issuperset(map(type, column)) and min(column) >= _LEAST_MS and max(column) < _BELOW_MS:
        return column
    found = []
    for row, given in enumerate(column):
        try:
            if given is None or given == "" or (type(given) is str and len(given) > _LONGEST_TIME):
                raise InvalidInputError("has to go the slow way")
            found.append(values.time_ms(given))
        except InvalidInputError:
            odd.add(row)
            found.append(0)
    return found


def _comparable(column: Sequence[Any], odd: set[int]) -> Sequence[str | bytes]:
    """Texts as they are, other values as JSON: so 1, 1.0 and true are three."""
    if _TEXTS.issuperset(map(type, column)):
        return column
    found: list[str | bytes] = []
    for row, value in enumerate(column):
        try:
            found.append(value if type(value) is str else orjson.dumps(value))
        except TypeError:  # deeper than orjson writes
            odd.add(row)
            found.append(b"")
    return found


def _chosen(column: Sequence[Any], rows: Sequence[int]) -> Sequence[Any]:
    return column if len(rows) == len(column) else [column[row] for row in rows]


def _encoded(texts: Sequence[str]) -> tuple[Iterable[bytes], Iterable[bytes]]:
    """Lengths and bytes of Avro's strings."""
    raw = [*map(str.encode, texts)]
    sizes = [*map(len, raw)]
    if max(sizes, default=0) < 2048:
        return map(_LENGTHS.__getitem__, sizes), raw
    return map(avro_long, sizes), raw
