"""Batches of a partition as Kafka stores them, passed on unopened: for stages that decode a whole batch at once.

A record object costs a microsecond in Python, more than all that is done with an alert afterwards. A topic named in the app's
`unopened` set is handed to its agent in chunks, each a record batch as it is in the log (KIP-98, message format v2): the stage
decodes its bytes as columns. Aborted transactions, control batches and checksums are dealt with here, as aiokafka does it.
"""

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka import codec
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.transport.bounded_fetch import bounded
from streams.transport.tolerant import records_of

# Message format v2, the header of a record batch: base offset, length, leader epoch, magic, CRC, attributes, last offset
# delta, first and last timestamp, producer's id, epoch and sequence, number of records.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH_AFTER = 12
_APPEND_TIME = 0x08
_CODECS = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}


class Chunk:
    """One record batch.

    Attributes:
        offset: of its last record. base: what its records' offset deltas count from. count: its records.
        begins_at: records before this offset were handed out earlier. timestamp: what timestamp deltas count from, epoch ms.
        append_time: every record has the timestamp `timestamp`.
    """

    __slots__ = ("append_time", "base", "begins_at", "count", "offset", "raw", "timestamp")

    def __init__(self, raw: bytes, begins_at: int) -> None:
        header = _HEADER.unpack_from(raw)
        self.raw, self.begins_at = raw, begins_at
        self.base: int = header[0]
        self.offset: int = header[0] + header[6]
        self.append_time = bool(header[5] & _APPEND_TIME)
        self.timestamp: int = header[8] if self.append_time else header[7]
        self.count: int = header[12]

    def body(self) -> bytes:
        """The records, uncompressed."""
        packed = memoryview(self.raw)[_HEADER.size :]
        compression = _HEADER.unpack_from(self.raw)[5] & 0x07
        return bytes(_CODECS[compression](packed)) if compression else bytes(packed)

    def records(self) -> Iterator[Any]:
        """The records as objects."""
        return (record for record in records_of(self.raw) if record.offset >= self.begins_at)


class ChunkedRecords(PartitionRecords):  # type: ignore[misc]
    """What a fetch brought of a partition, given out chunk by chunk, so many records at a time.

    Takes the place of aiokafka's object in a FetchResult: an iteration ends after `at_most` records, and `more` tells whether
    there is another one.
    """

    def __init__(self, part: Any, data: bytes, at_most: int) -> None:
        self._data, self._at_most, self._given = data, at_most, 0
        self.next_fetch_offset: int
        self.more = True
        super().__init__(
            part._tp, MemoryRecords(data), part._aborted_transactions, part.next_fetch_offset, None, None,
            part._check_crcs, part._isolation_level,
        )  # fmt: skip

    def __next__(self) -> Chunk:
        if self._given >= self._at_most:
            self._given = 0
            raise StopIteration
        try:
            chunk: Chunk = next(self._records_iterator)
        except StopIteration:
            self.more = False
            raise
        self._given += chunk.count
        return chunk

    def _unpack_records(self) -> Iterator[Chunk]:
        # PartitionRecords opens each batch record by record; its other half, which batches count, is used as it is.
        at = 0
        while self._records.has_next():
            begin, at = at, at + _LENGTH_AFTER + int.from_bytes(self._data[at + 8 : at + 12], "big")
            batch = self._records.next_batch()
            begins_at, self.next_fetch_offset = self.next_fetch_offset, batch.next_offset
            if batch.next_offset > begins_at and self._counts(batch):
                chunk = Chunk(self._data[begin:at], begins_at)
                if chunk.count:  # else compaction has emptied it
                    yield chunk

    def _counts(self, batch: Any) -> bool:
        if self._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"{self._tp}: the checksum of the batch at {batch.base_offset} is wrong.")
        if batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return False
        return not batch.is_control_batch


class FetchTap:
    """aiokafka's client, with a note of the bytes that each fetch brought: aiokafka's own objects do not give them out.

    Of what came, so much is taken at once as may be unpacked.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._fetched: dict[TopicPartition, tuple[int, bytes]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: Any, request: Any, **more: Any) -> Any:
        """As the client's own."""
        response = await self._client.send(node_id, request, **more)
        if isinstance(request, FetchRequest):
            asked = {(topic, p): at for topic, partitions in request.topics for p, at, _ in partitions}
            response.topics = [
                (topic, [(partition, *told, bounded(data)) for partition, *told, data in partitions])
                for topic, partitions in response.topics
            ]
            for topic, partitions in response.topics:
                for partition, *_, data in partitions:
                    self._fetched[TopicPartition(topic, partition)] = asked[topic, partition], data
        return response

    def take(self, tp: TopicPartition, position: int) -> bytes | None:
        """What the last fetch of a partition brought, if it began at `position`."""
        at, data = self._fetched.pop(tp, (-1, b""))
        return data if at == position else None
