"""Records whose header names are no UTF-8: read all the same, where aiokafka gives up on the whole partition.

aiokafka decodes every header's name while it reads a record, and raises over one that is no UTF-8; the next fetch begins at the
same record. One such record, which any client in C can write, would end each worker that reads its topic, again and again. So
a batch that aiokafka cannot read is read once more, by its own plain-Python parser, which is told to replace what it cannot
decode.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AFTER = 12
_MAGIC_AT = 16


class _Readable(bytearray):
    """Bytes whose text is read whatever they are; slices too."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Readable(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class TolerantBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A record batch (message format v2) of which every record can be read."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _Readable(self._buffer)


def records_of(batch: bytes) -> list[Any]:
    """The records of a batch; of header names that are no UTF-8, what can be read."""
    try:
        return list(DefaultRecordBatch(batch))
    except UnicodeDecodeError:
        return list(TolerantBatch(bytearray(batch)))


def given_up(result: Any) -> bool:
    """Whether aiokafka's reading of a fetch ended in the middle, over an error."""
    part = getattr(result, "_partition_records", None)
    reading = getattr(part, "_records_iterator", None)
    return reading is not None and reading.gi_frame is None


class TolerantRecords(PartitionRecords):  # type: ignore[misc]
    """What a fetch brought of a partition, in the place of aiokafka's object, which failed over it."""

    def __init__(self, part: Any, data: bytes) -> None:
        super().__init__(
            part._tp, _Batches(data), part._aborted_transactions, part.next_fetch_offset, None, None,
            part._check_crcs, part._isolation_level,
        )  # fmt: skip


class _Batches:
    """The batches of a fetch, as aiokafka's MemoryRecords gives them."""

    def __init__(self, data: bytes) -> None:
        self._batches = self._split(data)
        self._next = next(self._batches, None)

    def has_next(self) -> bool:
        """Whether there is another one."""
        return self._next is not None

    def next_batch(self) -> Any:
        """The next one."""
        batch, self._next = self._next, next(self._batches, None)
        return batch

    def _split(self, data: bytes) -> Iterator[Any]:
        whole, at = MemoryRecords(data), 0
        while whole.has_next():
            begin, at = at, at + _LENGTH_AFTER + int.from_bytes(data[at + 8 : at + 12], "big")
            original = whole.next_batch()
            # Older formats have no headers, and so nothing that cannot be read.
            yield TolerantBatch(bytearray(data[begin:at])) if data[begin + _MAGIC_AT] >= 2 else original
