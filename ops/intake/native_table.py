"""Native alerts as tables: which of a body have the same members, what tells their conditions, and what varies beside.

`ops.intake.press` makes messages of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ops.intake import values
from ops.intake.models import LONGEST_NAME
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis

_TIMES = ("timestamp", "occurred_at", "time")
# A time that is longer goes the slow way.
_LONGEST_TIME = 64
# Whole numbers between these are epoch milliseconds (see ops.intake.values).
_LEAST_MS, _BELOW_MS = 100_000_000_000, 100_000_000_000_000
VARYING = frozenset(("alert_id", "message", *_TIMES))
_TEXTS, _NUMBERS = frozenset((str,)), frozenset((int,))

# What tells a condition from others: the values of its members but id, time and message, those that are no texts as JSON.
Row = tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True)
class Single:
    """An item by itself: the names of its members but id, time and message, what tells its condition, and those three."""

    names: tuple[str, ...]
    row: Row
    at: Millis | None
    message: str | None
    alert_id: str | None


def single(item: Any) -> Single | None:
    """A body's only item, at a part of a table's price; None where anything of it is unusual."""
    if type(item) is not dict:
        return None
    rest = {name: value for name, value in item.items() if name not in VARYING}
    times = [item[name] for name in _TIMES if name in item]
    alert_id, message = item.get("alert_id"), item.get("message")
    if len(times) > 1 or (alert_id is None and "alert_id" in item) or (message is None and "message" in item):
        return None
    if alert_id is not None and not (type(alert_id) is str and _is_id(alert_id)):
        return None
    if message is not None and (type(message) is not str or not message or "description" in rest or "summary" in rest):
        return None
    odd: set[int] = set()
    at = _times(times, odd)[0] if times else None
    row = tuple([_comparable((value,), odd)[0] for value in rest.values()])
    return None if odd else Single(tuple(rest), row, at, message, alert_id)


@dataclass(frozen=True, slots=True)
class Table:
    """Items of the same members, by columns.

    Attributes:
        names: of the members but id, time and message. rows: what tells the condition of each.
        odd: rows that have to go the slow way. stamps, said, named: times, messages and ids, where such a member is there.
    """

    names: tuple[str, ...]
    items: Sequence[dict[str, Any]]
    rows: Sequence[Row]
    odd: frozenset[int]
    stamps: Sequence[Millis] | None
    said: Sequence[str] | None
    named: Sequence[str] | None

    def usual(self, row: int) -> bool:
        """Whether a row may go the quick way."""
        return row not in self.odd

    def condition(self, row: int) -> dict[str, Any]:
        """A row's members but id, time and message."""
        return {name: value for name, value in self.items[row].items() if name not in VARYING}

    def times(self, usual: Sequence[int]) -> Sequence[Millis | None]:
        """Epoch ms, None where no time was given."""
        return [None] * len(usual) if self.stamps is None else _chosen(self.stamps, usual)

    def messages(self, usual: Sequence[int]) -> Sequence[str] | None:
        """What people read; None where that is among the condition."""
        return None if self.said is None else _chosen(self.said, usual)

    def ids(self, usual: Sequence[int]) -> Sequence[str] | None:
        """The senders' ids; None where they give none."""
        return None if self.named is None else _chosen(self.named, usual)


def alike(items: Sequence[Any]) -> dict[tuple[str, ...], list[int]]:
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


def table_of(names: tuple[str, ...], items: Sequence[dict[str, Any]]) -> Table | None:
    """Items that all have these members; None where two members mean the same."""
    times = [name for name in _TIMES if name in names]
    if len(times) > 1 or ("message" in names and ("description" in names or "summary" in names)):
        return None
    columns = dict(zip(names, zip(*[item.values() for item in items], strict=True), strict=True))
    odd: set[int] = set()
    stamps = _times(columns[times[0]], odd) if times else None
    said = _texts(columns["message"], odd, bool) if "message" in names else None
    named = _texts(columns["alert_id"], odd, _is_id) if "alert_id" in names else None
    rest = [_comparable(column, odd) for name, column in columns.items() if name not in VARYING]
    rows = list(zip(*rest, strict=True)) if rest else [()] * len(items)
    own = tuple(name for name in names if name not in VARYING)
    return Table(own, items, rows, frozenset(odd), stamps, said, named)


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
