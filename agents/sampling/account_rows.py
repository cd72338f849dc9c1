"""Incidents as rows of the changelog, JSON each, and back; pure but for the state that is filled."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from agents.sampling.incidents import Incidents, P, key_of
from agents.sampling.keyed_table import Ints, KeyedTable
from streams.rows import MAX_ROW_BYTES

# The row that holds up to which offset all of the partition is counted; no incident has this key, as it is no UTF-8.
POSITION = b"\xff"


def row(state: Incidents, slot: int) -> bytes:
    """The row of one incident."""
    (made,) = rows(state, np.asarray([slot])).values()
    return made


def rows(state: Incidents, slots: Ints) -> dict[bytes, bytes]:
    """The rows of incidents, by key."""
    texts = state.texts.texts
    tables = (state.windows, state.seconds, state.prints, state.sources)
    bounds = [list(zip(*table.bounds(slots), strict=True)) for table in tables]
    parts = [table.parts() for table in tables]
    made: dict[bytes, bytes] = {}
    for number, slot in enumerate(slots.tolist()):
        (w, w_), (k, k_), (p, p_), (h, h_) = (bound[number] for bound in bounds)
        fields = {
            "i": state.ids[slot], "t": state.tenants[slot], "s": state.services[slot],
            "n": state.numbers[slot], "b": float(state.baselines[slot]), "o": state.storms.get(slot, ""),
            "w": [parts[0][w:w_], state.windows.values[w:w_]],
            "k": [parts[1][k:k_], state.seconds.values[k:k_]],
            "f": [texts[code] for code in parts[2][p:p_].tolist()], "p": state.prints.values[p:p_],
            "m": [texts[code] for code in state.prints.values[p:p_, P.NAME].tolist()],
            "h": [parts[3][h:h_], state.sources.values[h:h_]],
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


class RowLoader:
    """Fills a state from rows; `finish` puts what belongs into tables there at once, as each time costs a sort."""

    def __init__(self, state: Incidents) -> None:
        self._state = state
        self._gathered: list[tuple[KeyedTable, list[Ints], list[Ints]]] = [
            (table, [], []) for table in (state.windows, state.seconds, state.prints, state.sources)
        ]

    def add(self, row: bytes) -> None:
        """Take one row."""
        state, fields = self._state, orjson.loads(row)
        slot = state.slot(fields["i"])
        state.tenants[slot], state.services[slot] = fields["t"], fields["s"]
        state.numbers[slot], state.baselines[slot] = fields["n"], fields["b"]
        if fields["o"]:
            state.storms[slot] = fields["o"]
        prints = np.asarray(fields["p"], np.int64).reshape(-1, 4)
        prints[:, P.NAME] = state.texts.codes(fields["m"])
        many = (fields["w"], fields["k"], (state.texts.codes(fields["f"]), prints), fields["h"])
        for (table, keys, values), (parts, some) in zip(self._gathered, many, strict=True):
            if len(parts):
                keys.append(key_of(np.asarray(slot), np.asarray(parts, np.int64)))
                values.append(np.asarray(some, np.int64).reshape(-1, table.values.shape[1]))

    def finish(self) -> Incidents:
        """The state, complete."""
        for table, keys, values in self._gathered:
            if keys:
                table.ensure(np.concatenate(keys), np.concatenate(values))
        return self._state


def loaded(some: Iterable[bytes]) -> Incidents:
    """The incidents of rows."""
    loader = RowLoader(Incidents())
    for one in some:
        loader.add(one)
    return loader.finish()
