"""A batch of framed alerts as columns: decoded at once where it can be, one by one where something is wrong with it.

pyruhvro decodes a batch to Arrow in 0.2 µs an alert, fastavro in 5, but it fails whole batches without naming the bad alert,
and takes trailing bytes. So lengths are checked against what the columns must have taken, UTF-8 by Arrow, and fastavro is the
judge of whatever is in doubt. agents.sampling.unopened goes a step further, and decodes Kafka's record batches whole.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyruhvro
from numpy.typing import NDArray

from schemas.avro import schema_of
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier
from streams.transport.batch import RawRecord

if TYPE_CHECKING:
    from agents.sampling.unopened import Pieces

# Halving stops here: fastavro needs 5 µs an alert, a call of pyruhvro 23.
JUDGE_AT_MOST = 16
_SCHEMA = json.dumps(schema_of(Alert))
_STRINGS = [f["name"] for f in schema_of(Alert)["fields"] if f["type"] == "string"]
_TIMES = ("occurred_at", "received_at")
_ENUMS = ("severity", "status", "tier")  # one byte each: no enum has more than 64 symbols

# A record's stamp is its producer's to choose where the topic says so: one beyond the year 2109 is taken for that, as windows and
# their incidents share a number of 63 bits.
MOST_STAMP = 1 << 42

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Rejects = dict[int, DecodeError]


@dataclass(frozen=True, slots=True)
class Codes:
    """A text column as numbers: `values[codes[i]]` is the text of row i."""

    values: list[str]
    codes: Ints


class LogView(Protocol):
    """The records that alerts were decoded from, by place."""

    offsets: Ints
    timestamps: Ints

    def record(self, place: int) -> RawRecord:
        """One of them."""

    def pieces(self, places: Ints) -> "Pieces | None":
        """Some of them as they are in the log, where that can be said."""


class RecordsView:
    """Records that are objects."""

    def __init__(self, records: Sequence[RawRecord]) -> None:
        self._records = records
        self.offsets: Ints = np.fromiter((r.offset for r in records), np.int64, len(records))
        stamps = (min(r.timestamp, MOST_STAMP) for r in records)
        self.timestamps: Ints = np.fromiter(stamps, np.int64, len(records))

    def record(self, place: int) -> RawRecord:
        """One of them."""
        return self._records[place]

    def pieces(self, places: Ints) -> None:
        """They are not at hand as bytes."""


class Columns:
    """Alerts by column; row i is the i-th alert that was decoded, `rows[i]` its place in what it was decoded from.

    Attributes:
        rows: ascending. log: where the records are, by place.
    """

    def __init__(self, fields: dict[str, pa.Array], rows: Ints, log: LogView) -> None:
        self._fields = fields
        self.rows, self.log = rows, log
        self._codes: dict[str, Codes] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def codes(self, name: str) -> Codes:
        """A text column as numbers."""
        if name not in self._codes:
            encoded = self._fields[name]
            if not pa.types.is_dictionary(encoded.type):
                encoded = encoded.dictionary_encode()
            codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            self._codes[name] = Codes(encoded.dictionary.to_pylist(), codes)
        return self._codes[name]

    @cached_property
    def offsets(self) -> Ints:
        """Positions in the partition."""
        return self.log.offsets[self.rows]

    @cached_property
    def arrived_at(self) -> Ints:
        """Epoch ms, by the log's clock."""
        return self.log.timestamps[self.rows]

    @cached_property
    def occurred_at(self) -> Ints:
        """Epoch ms."""
        return np.asarray(self._fields["occurred_at"].to_numpy(), np.int64)

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
        wanted = pa.array(rows)
        return Columns({name: column.take(wanted) for name, column in self._fields.items()}, self.rows[rows], self.log)

    def texts(self, name: str, rows: Ints) -> list[str]:
        """Values of a text column."""
        texts: list[str] = self._fields[name].take(pa.array(rows)).to_pylist()
        return texts

    def _ranks(self, name: str, words: Any) -> Ints:
        codes = self.codes(name)
        return np.asarray([words(v).rank for v in codes.values], np.int64)[codes.codes]


class AlertDecoder:
    """Decodes batches of framed alerts, of this and earlier versions of the contract."""

    def __init__(self, codec: Codec[Alert] | None = None) -> None:
        self._codec = codec or Codec(Alert)
        self._header = self._codec.header
        self.fingerprint = self._codec.fingerprint

    def decode(self, records: Sequence[RawRecord], max_bytes: int) -> tuple[Columns | None, Rejects]:
        """Columns of the alerts that can be read (None where none can), and why the others cannot, by place."""
        rejects: Rejects = {}
        tables: list[pa.Table] = []
        rows: list[int] = []
        messages = [r.value for r in records]
        small = []
        for place, message in enumerate(messages):
            if message is not None and len(message) > max_bytes:
                rejects[place] = oversized(len(message), max_bytes)
            else:
                small.append(place)
        self._decode(messages, small, tables, rows, rejects)
        if not rows:
            return None, rejects
        return _in_order(pa.concat_tables(tables), np.asarray(rows, np.int64), RecordsView(records)), rejects

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


def oversized(size: int, max_bytes: int) -> DecodeError:
    """Why an alert of so many bytes is refused."""
    return DecodeError("oversized", f"The alert has {size} bytes; {max_bytes} are the most.")


def _in_order(table: pa.Table, rows: Ints, log: LogView) -> Columns:
    order = np.argsort(rows)
    whole = table.unify_dictionaries().combine_chunks().take(pa.array(order))
    fields = {name: _one(whole[name]) for name in whole.column_names}
    return Columns(fields, rows[order], log)


def _one(column: pa.ChunkedArray) -> pa.Array:
    joined = column.unify_dictionaries().combine_chunks()
    return joined.chunk(0) if isinstance(joined, pa.ChunkedArray) else joined


def _columns(bodies: list[bytes]) -> pa.Table | None:
    """The bodies as a table, or None where any is in doubt."""
    try:
        batch = pyruhvro.deserialize_array(bodies, _SCHEMA)
        batch.validate(full=True)
    except ValueError:  # pyruhvro's only error, and Arrow's for bad UTF-8
        return None
    taken = encoded_bytes({name: batch.column(name) for name in batch.schema.names})
    there = np.fromiter(map(len, bodies), np.int64, len(bodies))
    return pa.Table.from_batches([batch]) if bool(np.array_equal(taken, there)) else None


def encoded_bytes(fields: dict[str, pa.Array]) -> Ints:
    """How many bytes each alert takes in the usual encoding; one that was written in another way is merely judged."""
    # All columns of a kind at once: of a small batch the steps cost more than the numbers.
    texts = text_bytes(np.diff(np.stack([_offsets(fields[name]) for name in _STRINGS])).astype(np.int64))
    times = varint_bytes(np.stack([fields[name].to_numpy() for name in _TIMES]))
    total: Ints = len(_ENUMS) + texts.sum(axis=0) + times.sum(axis=0) + _map_bytes(fields["labels"])
    return total


def lengths(column: pa.Array) -> Ints:
    """Bytes of each text, entries of each map."""
    return np.diff(_offsets(column)).astype(np.int64)


def _offsets(column: pa.Array) -> NDArray[np.int32]:
    return np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]


def _map_bytes(column: pa.MapArray) -> Ints:
    counts = lengths(column)
    first = int(column.offsets[0].as_py()) if len(column) else 0
    entries = text_bytes(lengths(column.keys)) + text_bytes(lengths(column.items))
    ends = np.cumsum(counts)
    sums = np.r_[0, np.cumsum(entries[first:])]
    # An empty map is one zero; else a count, the entries, a zero.
    total: Ints = np.where(counts == 0, 1, varint_bytes(counts) + 1) + sums[ends] - sums[ends - counts]
    return total


def text_bytes(sizes: Ints) -> Ints:
    """Bytes that texts of these sizes take in Avro."""
    return varint_bytes(sizes) + sizes


def varint_bytes(values: Any) -> Ints:
    """Bytes that whole numbers take in Avro, and in Kafka's records."""
    numbers = np.asarray(values, np.int64)
    size = np.ones(numbers.shape, np.int64)
    if numbers.size and int(numbers.max()) < 64 and int(numbers.min()) >= -64:
        return size
    zigzag = ((numbers << 1) ^ (numbers >> 63)).astype(np.uint64)
    for bits in range(7, 64, 7):
        more = zigzag >= np.uint64(1 << bits)
        if not more.any():
            break
        size += more
    return size
