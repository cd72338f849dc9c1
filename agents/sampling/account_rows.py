"""Incidents as rows of the changelog, JSON each, and back; pure but for the state that is filled."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from agents.sampling.incidents import COUNTS, Incidents, N, P, W, key_of
from agents.sampling.keyed_table import Ints, KeyedTable
from schemas.errors import DecodeError
from streams.changelog import PARTITION_ROW
from streams.rows import MAX_ROW_BYTES

# The row that holds up to which offset all of the partition is counted.
POSITION = PARTITION_ROW


def row(state: Incidents, slot: int) -> bytes:
    """The row of one incident."""
    (made,) = rows(state, np.asarray([slot])).values()
    return made


def rows(state: Incidents, slots: Ints) -> dict[bytes, bytes]:
    """The rows of incidents, by key."""
    texts = state.texts.texts
    tables = (state.windows, state.seconds, state.prints, state.sources)
    bounds = [list(zip(*table.bounds(slots), strict=True)) for table in tables]
    made: dict[bytes, bytes] = {}
    for number, slot in enumerate(slots.tolist()):
        (w, w_), (k, k_), (p, p_), (h, h_) = (bound[number] for bound in bounds)
        fields = {
            "i": state.ids[slot], "t": state.tenants[slot], "s": state.services[slot],
            "n": state.numbers[slot], "b": float(state.baselines[slot]), "o": state.storms.get(slot, ""),
            "w": [state.windows.parts(w, w_), state.windows.values[w:w_]],
            "k": [state.seconds.parts(k, k_), state.seconds.values[k:k_]],
            "f": [texts[code] for code in state.prints.parts(p, p_).tolist()], "p": state.prints.values[p:p_],
            "m": [texts[code] for code in state.prints.values[p:p_, P.NAME].tolist()],
            "h": [state.sources.parts(h, h_), state.sources.values[h:h_]],
        }  # fmt: skip
        made[state.ids[slot].encode()] = _fitting(fields)
    return made


def _fitting(fields: dict[str, Any]) -> bytes:
    packed = orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY)
    while len(packed) > MAX_ROW_BYTES - len(fields["i"].encode()) and fields["f"]:
        # Fingerprints in letters of many bytes: the older half is forgotten before its time.
        newest = np.sort(np.argsort(fields["p"][:, P.SEEN], kind="stable")[(len(fields["f"]) + 1) // 2 :])
        fields["f"] = [fields["f"][at] for at in newest.tolist()]
        fields["m"] = [fields["m"][at] for at in newest.tolist()]
        fields["p"] = np.ascontiguousarray(fields["p"][newest])
        packed = orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY)
    return packed


class _Gathered:
    """What rows hold for one table, until all of them are read: numpy is quick with many numbers, and slow with a few."""

    def __init__(self, table: KeyedTable) -> None:
        self._table = table
        self._slots: list[int] = []
        self._parts: list[int] = []
        self._values: list[list[int]] = []

    def add(self, slot: int, parts: list[int], values: list[list[int]]) -> None:
        """Take what belongs to one incident."""
        self._slots += [slot] * len(parts)
        self._parts += parts
        self._values += values

    def finish(self) -> None:
        """Put all of it into the table."""
        if self._parts:
            keys = key_of(np.asarray(self._slots, np.int64), np.asarray(self._parts, np.int64))
            self._table.ensure(keys, np.asarray(self._values, np.int64))


def _fields(row: bytes) -> dict[str, Any]:
    """What a row holds, in the shapes that are counted on."""
    try:
        fields = orjson.loads(row)
        texts = [fields[name] for name in ("i", "t", "s", "o")]
        tables = [fields[name] for name in ("w", "k", "h")] + [(fields["f"], fields["p"]), (fields["m"], fields["p"])]
        well = all(type(text) is str for text in texts) and len(fields["n"]) == len(N) and type(fields["b"]) is float
        for (parts, values), width in zip(tables, (len(W) + COUNTS, 1, 1, len(P), len(P)), strict=True):
            well = well and len(parts) == len(values) and all(len(value) == width for value in values)
    except (ValueError, KeyError, TypeError) as error:
        raise DecodeError("not_a_row", f"It is no row of an incident: {error!r}.") from error
    if not well:
        raise DecodeError("not_a_row", "It is no row of an incident: its parts have other shapes.")
    return dict(fields)


def position_of(row: bytes | None) -> int:
    """Up to which offset all of the partition is counted, -1 for nothing.

    Raises:
        DecodeError: the row says something else.
    """
    text = (row or b"-1").decode(errors="replace")
    if not text.removeprefix("-").isdigit():
        raise DecodeError("not_a_row", f"It is no offset: {text[:40]!r}.")
    return int(text)


class RowLoader:
    """Fills a state from rows; what they hold is in its place once `finish` was called."""

    def __init__(self, state: Incidents) -> None:
        self._state = state
        self._windows, self._seconds = _Gathered(state.windows), _Gathered(state.seconds)
        self._prints, self._sources = _Gathered(state.prints), _Gathered(state.sources)
        self._slots: list[int] = []
        self._numbers: list[list[int]] = []

    def add(self, row: bytes) -> None:
        """Take one row.

        Raises:
            DecodeError: it is no row of an incident; nothing of it was taken.
        """
        state, fields = self._state, _fields(row)
        slot = state.slot_of(fields["i"])
        state.tenants[slot], state.services[slot] = fields["t"], fields["s"]
        if fields["b"]:
            state.baselines[slot] = fields["b"]
        if fields["o"]:
            state.storms[slot] = fields["o"]
        self._slots.append(slot)
        self._numbers.append(fields["n"])
        self._windows.add(slot, *fields["w"])
        self._seconds.add(slot, *fields["k"])
        self._sources.add(slot, *fields["h"])
        code_of = state.texts.code_of
        prints = fields["p"]
        for seen, name in zip(prints, fields["m"], strict=True):
            seen[P.NAME] = code_of(name)
        self._prints.add(slot, [code_of(text) for text in fields["f"]], prints)

    def finish(self) -> Incidents:
        """The state, complete."""
        if self._slots:
            self._state.numbers[self._slots] = self._numbers
        for gathered in (self._windows, self._seconds, self._prints, self._sources):
            gathered.finish()
        return self._state


def loaded(some: Iterable[bytes]) -> Incidents:
    """The incidents of rows."""
    loader = RowLoader(Incidents())
    for one in some:
        loader.add(one)
    return loader.finish()
