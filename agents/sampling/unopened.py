"""Kafka's record batches decoded as they are: one call for many thousand alerts, and no object for any of them.

A record of message format v2 is, byte for byte, an Avro record: its length, timestamp and offset deltas and sizes are zig-zag
varints as Avro's `long` is, key and value are Avro's `bytes`, and "no headers" is a 0. An alert's frame, C3 01 and eight bytes
of fingerprint, reads as a `long` and a `double`. So the uncompressed records of a batch, with their number before them and a 0
behind, are one Avro array, and pyruhvro decodes it to columns in 0.3 µs an alert, records and alerts together. Nothing is taken
on trust: every frame must be the contract's, and every record must be exactly as long as its columns say. Where anything
is not, headers included, the batch is opened record by record (agents.sampling.columns).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from agents.sampling.columns import MOST_STAMP, Bools, Columns, Ints, encoded_bytes, lengths, text_bytes, varint_bytes
from schemas.avro import schema_of
from schemas.framing import SINGLE_OBJECT_BYTES
from schemas.records.intake import Alert
from schemas.template import avro_long
from streams.transport.chunks import Chunk

_BEFORE = (("r_length", "long"), ("r_attributes", "int"), ("r_time", "long"), ("r_offset", "long"), ("r_key", "string"),
           ("r_size", "long"), ("r_frame", "long"), ("r_schema", "double"))  # fmt: skip
_RECORD = {
    "type": "record",
    "name": "Stored",
    "fields": [
        *({"name": name, "type": kind} for name, kind in _BEFORE),
        *schema_of(Alert)["fields"],
        {"name": "r_headers", "type": "long"},
    ],
}
_ARRAY = {"name": "records", "type": {"type": "array", "items": _RECORD}}
_SCHEMA = json.dumps({"type": "record", "name": "Batch", "fields": [_ARRAY]})
# A record's headers: there is one, its name has 13 bytes; then the size and digits of its value. Sizes are zig-zag varints.
_HEADER = b"\x02\x1asource-offset"
_SIZES = pa.array([avro_long(size) for size in range(20)], pa.binary())
# C3 01 as a zig-zag varint.
_FRAME = -98


@dataclass(slots=True)
class Stored:
    """A record, found again among the bytes of its batch: a RawRecord."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Pieces:
    """Records as pieces of `data`: from the length of the key to the end of the value, as any record batch may hold them.

    `keyed`: whether the key is the alert's incident.
    """

    data: bytes
    begins: Ints
    ends: Ints
    offsets: Ints
    keyed: Bools

    def records(self, chosen: Ints) -> tuple[pa.Array, pa.Array]:
        """Some of them, with the headers that tell where each comes from, for streams.forwarding; nothing is copied yet."""
        # Arrow's texts lie one behind the other: pieces and what is between them in turns.
        bounds = np.stack((self.begins[chosen], self.ends[chosen]), axis=1).ravel().astype(np.int32)
        turns = pa.Array.from_buffers(
            pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(self.data)]
        )
        offsets = pa.array(self.offsets[chosen]).cast(pa.string()).cast(pa.binary())
        sizes = _SIZES.take(pc.binary_length(offsets))
        return turns.take(pa.array(np.arange(0, len(bounds), 2))), pc.binary_join_element_wise(
            _HEADER, sizes, offsets, b""
        )


class _Stored:
    """The records of some chunks by place: a LogView."""

    def __init__(self, data: bytes, fields: dict[str, pa.Array], chunks: Sequence[Chunk], first: int) -> None:
        counts = [chunk.count for chunk in chunks]
        bases, times, deltas = (
            np.repeat(np.asarray(values, np.int64), counts)
            for values in ([c.base for c in chunks], [c.timestamp for c in chunks], [not c.append_time for c in chunks])
        )
        self.offsets: Ints = bases + fields["r_offset"].to_numpy()
        self.timestamps: Ints = np.minimum(times + deltas * fields["r_time"].to_numpy(), MOST_STAMP)
        self.sizes: Ints = fields["r_size"].to_numpy()
        length = fields["r_length"].to_numpy()
        # A record ends with its number of headers, one byte; before it lies the value, before that its size and the key.
        self._ends: Ints = first + np.cumsum(varint_bytes(length) + length) - 1
        self._key_sizes = lengths(fields["r_key"])
        self._begins: Ints = self._ends - text_bytes(self.sizes) - text_bytes(self._key_sizes)
        self._keyed: Bools = np.asarray(pc.equal(fields["r_key"], fields["incident_id"]))
        self._data = data

    def record(self, place: int) -> Stored:
        """One of them."""
        end, size, keyed = int(self._ends[place]), int(self.sizes[place]), int(self._key_sizes[place])
        key_at = int(self._begins[place]) + int(varint_bytes([keyed])[0])
        return Stored(
            int(self.offsets[place]), int(self.timestamps[place]),
            self._data[key_at : key_at + keyed], self._data[end - size : end],
        )  # fmt: skip

    def pieces(self, places: Ints) -> Pieces:
        """Some of them as they are in the log."""
        return Pieces(self._data, self._begins[places], self._ends[places], self.offsets[places], self._keyed[places])


def decode_unopened(chunks: Sequence[Chunk], fingerprint: bytes, max_bytes: int) -> Columns | None:
    """The alerts of chunks as columns, or None where anything in them is in doubt.

    Args:
        fingerprint: of the one schema version that is read like this. max_bytes: of the largest alert.
    """
    count = avro_long(sum(chunk.count for chunk in chunks))
    data = b"".join((count, *(chunk.body() for chunk in chunks), b"\0"))
    try:
        batch = pyruhvro.deserialize_array([data], _SCHEMA)
        batch.validate(full=True)
    except ValueError:  # pyruhvro's only error, and Arrow's for bad UTF-8
        return None
    stored = batch.column(0).values
    fields = dict(zip([field.name for field in stored.type], stored.flatten(), strict=True))
    if not _as_long_as_said(fields, fingerprint, len(data) - len(count) - 1):
        return None
    log = _Stored(data, fields, chunks, len(count))
    if log.sizes.max() > max_bytes:
        return None
    columns = Columns(fields, np.arange(len(log.offsets)), log)
    again = [chunk.begins_at for chunk in chunks if chunk.begins_at > chunk.base]
    return columns.take(np.flatnonzero(log.offsets >= max(again))) if again else columns


def _as_long_as_said(fields: dict[str, pa.Array], fingerprint: bytes, size: int) -> bool:
    """Whether frames are the contract's and all lengths agree: then the bytes can have been read in one way only."""
    length, value = fields["r_length"].to_numpy(), fields["r_size"].to_numpy()
    framed = fields["r_frame"].to_numpy() == _FRAME
    schema = np.asarray(fields["r_schema"].to_numpy()).view(np.int64) == int.from_bytes(
        fingerprint, "little", signed=True
    )
    # Attributes and the number of headers take a byte each.
    around = 2 + varint_bytes(fields["r_time"].to_numpy()) + varint_bytes(fields["r_offset"].to_numpy())
    taken = around + text_bytes(lengths(fields["r_key"])) + text_bytes(value)
    headless = fields["r_headers"].to_numpy() == 0
    right = framed & schema & headless & (value == SINGLE_OBJECT_BYTES + encoded_bytes(fields)) & (length == taken)
    return bool(right.all()) and int((varint_bytes(length) + length).sum()) == size
