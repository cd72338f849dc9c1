"""A batch of framed alerts as columns: decoded at once where it can be, one by one where something is wrong with it.

pyruhvro decodes a batch to Arrow in 0.27 µs an alert (113 bytes), fastavro in 5, but it fails whole batches without naming
the bad alert, and takes trailing bytes. So lengths are checked against what the columns must have taken, UTF-8 by Arrow, and
fastavro is the judge of whatever is in doubt.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro
from numpy.typing import NDArray

from schemas.avro import schema_of
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier

# Halving stops here: fastavro needs 5 µs an alert, a call of pyruhvro 23.
JUDGE_AT_MOST = 16
_SCHEMA = json.dumps(schema_of(Alert))
_STRINGS = [f["name"] for f in schema_of(Alert)["fields"] if f["type"] == "string"]
_TIMES = ("occurred_at", "received_at")
_ENUMS = ("severity", "status", "tier")  # one byte each: no enum has more than 64 symbols

Ints = NDArray[np.int64]
Rejects = dict[int, DecodeError]


@dataclass(frozen=True, slots=True)
class Codes:
    """A text column as numbers: `values[codes[i]]` is the text of row i."""

    values: list[str]
    codes: Ints


class Columns:
    """Alerts by column; row i is the i-th alert that was decoded, `rows[i]` its place in the batch."""

    def __init__(self, table: pa.Table, rows: Ints) -> None:
        self._table = table.unify_dictionaries().combine_chunks()
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def codes(self, name: str) -> Codes:
        """A text column as numbers."""
        encoded = self._table[name].combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        return Codes(encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64))

    @cached_property
    def occurred_at(self) -> Ints:
        """Epoch ms."""
        return self._numbers("occurred_at")

    @cached_property
    def severity(self) -> Ints:
        """0 INFO to 3 CRITICAL."""
        return self._ranks("severity", Severity)

    @cached_property
    def tier(self) -> Ints:
        """0 SUPPORTING to 2 CRITICAL."""
        return self._ranks("tier", Tier)

    @cached_property
    def firing(self) -> NDArray[np.bool_]:
        """Whether the alert says that its condition holds."""
        codes = self.codes("status")
        yes = np.asarray([v == AlertStatus.FIRING for v in codes.values], bool)
        return yes[codes.codes]

    def take(self, rows: Ints) -> "Columns":
        """Some of the rows."""
        return Columns(self._table.take(pa.array(rows)), self.rows[rows])

    def text(self, name: str, row: int) -> str:
        """One text value."""
        return str(self._table[name][row].as_py())

    def _numbers(self, name: str) -> Ints:
        return np.asarray(self._table[name].to_numpy(), np.int64)

    def _ranks(self, name: str, words: Any) -> Ints:
        codes = self.codes(name)
        return np.asarray([words(v).rank for v in codes.values], np.int64)[codes.codes]


class AlertDecoder:
    """Decodes batches of framed alerts, of this and earlier versions of the contract."""

    def __init__(self, codec: Codec[Alert] | None = None) -> None:
        self._codec = codec or Codec(Alert)
        self._header = self._codec.header

    def decode(self, messages: Sequence[bytes | None]) -> tuple[Columns | None, Rejects]:
        """Columns of the alerts that can be read (None where none can), and why the others cannot, by place."""
        rejects: Rejects = {}
        tables: list[pa.Table] = []
        rows: list[int] = []
        self._decode(messages, list(range(len(messages))), tables, rows, rejects)
        if not rows:
            return None, rejects
        return Columns(pa.concat_tables(tables), np.asarray(rows, np.int64)), rejects

    def _decode(
        self, messages: Sequence[bytes | None], at: list[int], tables: list[pa.Table], rows: list[int], rejects: Rejects
    ) -> None:
        bodies = self._bodies([messages[i] for i in at])
        table = _columns(bodies) if bodies is not None else None
        if table is not None:
            tables.append(table)
            rows += at
        elif len(at) <= JUDGE_AT_MOST:
            self._judge(messages, at, tables, rows, rejects)
        else:
            half = len(at) // 2
            self._decode(messages, at[:half], tables, rows, rejects)
            self._decode(messages, at[half:], tables, rows, rejects)

    def _bodies(self, messages: Sequence[bytes | None]) -> list[bytes] | None:
        header = self._header
        if any(m is None or not m.startswith(header) for m in messages):
            return None
        return [m[len(header) :] for m in messages if m is not None]

    def _judge(
        self, messages: Sequence[bytes | None], at: list[int], tables: list[pa.Table], rows: list[int], rejects: Rejects
    ) -> None:
        bodies = []
        for i in at:
            try:
                alert = self._codec.decode(messages[i])
            except DecodeError as error:
                rejects[i] = error
            else:
                bodies.append(self._codec.encode(alert)[len(self._header) :])
                rows.append(i)
        table = _columns(bodies) if bodies else None
        if table is not None:
            tables.append(table)


def _columns(bodies: list[bytes]) -> pa.Table | None:
    """The bodies as a table, or None where any is in doubt."""
    try:
        batch = pyruhvro.deserialize_array(bodies, _SCHEMA)
        batch.validate(full=True)
    except ValueError:  # pyruhvro's only error, and Arrow's for bad UTF-8
        return None
    taken = _encoded_bytes(batch)
    there = np.fromiter(map(len, bodies), np.int64, len(bodies))
    return pa.Table.from_batches([batch]) if bool(np.array_equal(taken, there)) else None


def _encoded_bytes(batch: pa.RecordBatch) -> Ints:
    """How many bytes each alert takes in the usual encoding; one that was written in another way is merely judged."""
    total = np.full(batch.num_rows, len(_ENUMS), np.int64)
    for name in _STRINGS:
        total += _text_bytes(_lengths(batch.column(name)))
    for name in _TIMES:
        total += _varint_bytes(batch.column(name).to_numpy())
    return total + _map_bytes(batch.column("labels"))


def _lengths(column: pa.Array) -> Ints:
    offsets: NDArray[np.int32] = np.frombuffer(column.buffers()[1], np.int32)[
        column.offset : column.offset + len(column) + 1
    ]
    return np.diff(offsets).astype(np.int64)


def _map_bytes(column: pa.MapArray) -> Ints:
    counts = _lengths(column)
    first = int(column.offsets[0].as_py()) if len(column) else 0
    entries = _text_bytes(_lengths(column.keys)) + _text_bytes(_lengths(column.items))
    ends = np.cumsum(counts)
    sums = np.r_[0, np.cumsum(entries[first:])]
    # An empty map is one zero; else a count, the entries, a zero.
    total: Ints = np.where(counts == 0, 1, _varint_bytes(counts) + 1) + sums[ends] - sums[ends - counts]
    return total


def _text_bytes(lengths: Ints) -> Ints:
    return _varint_bytes(lengths) + lengths


def _varint_bytes(values: Any) -> Ints:
    numbers = np.asarray(values, np.int64)
    zigzag = ((numbers << 1) ^ (numbers >> 63)).astype(np.uint64)
    size = np.ones(len(numbers), np.int64)
    for bits in range(7, 64, 7):
        more = zigzag >= np.uint64(1 << bits)
        if not more.any():
            break
        size += more
    return size
