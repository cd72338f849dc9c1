"""Sends records on as the bytes that they are stored by: a record batch put together from pieces of others.

A producer of single records costs 1.5 µs a record in its client; joining pieces costs a third of it. What is sent is message
format v2 (KIP-98), one batch a call, by an idempotent aiokafka producer, so that retries repeat and reorder nothing.
"""

import asyncio
import struct
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.codec import lz4_encode
from aiokafka.errors import KafkaError
from aiokafka.record.util import calc_crc32c

from schemas.template import avro_long
from streams.errors import DeliveryError

# Records in a batch: at 200 bytes each, 1 MB before it is compressed. A topic's limit is for compressed batches.
BATCH_RECORDS = 5_000
BATCH_BYTES = 1 << 20
_LZ4 = 3
# 0.1 µs a record; the client's default, 9, takes ten times that.
_LZ4_LEVEL = 1
_HEADER = struct.Struct(">qiibIhiqqqhii")
_PRODUCER_AT, _CRC_AT, _CRC_OF = 43, 17, 21
_COMMON = 2_048
_VARINTS = [avro_long(size) for size in range(_COMMON)]
_DELTAS = [b"\0\0" + avro_long(delta) for delta in range(BATCH_RECORDS)]


class ReadyBatch:
    """A record batch that aiokafka's producer takes in place of one that it builds itself.

    Args:
        pieces: of each record its key and value as a record holds them: length and bytes of the key, then of the value.
        headers: of each record, as a record holds them, their number first. timestamp: of all records, epoch ms.
    """

    def __init__(self, pieces: Sequence[bytes], headers: Sequence[bytes], timestamp: int) -> None:
        self._count, self._timestamp = len(pieces), timestamp
        self._producer = (-1, -1, -1)
        self._packed = lz4_encode(_records(pieces, headers), _LZ4_LEVEL)
        self._built: bytearray | None = None

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        if self._built is None:
            last, size = self._count - 1, _HEADER.size + len(self._packed)
            at = self._timestamp
            built = bytearray(_HEADER.pack(0, size - 12, -1, 2, 0, _LZ4, last, at, at, *self._producer, self._count))
            built += self._packed
            struct.pack_into(">I", built, _CRC_AT, calc_crc32c(memoryview(built)[_CRC_OF:]))
            self._built = built
        return self._built

    def record_count(self) -> int:
        """How many records it has."""
        return self._count

    def size(self) -> int:
        """How many bytes it has."""
        return _HEADER.size + len(self._packed)

    def closed(self) -> bool:
        """It takes no more records."""
        return True

    def close(self) -> None:
        """It is closed."""


def _records(pieces: Sequence[bytes], headers: Sequence[bytes]) -> bytes:
    # A record: its length, attributes and timestamp delta of 0, its offset delta, and what it is made from.
    deltas = _DELTAS[: len(pieces)]
    sizes = map(sum, zip(map(len, pieces), map(len, headers), map(len, deltas), strict=True))
    lengths = [_VARINTS[size] if size < _COMMON else avro_long(size) for size in sizes]
    return b"".join(chain.from_iterable(zip(lengths, deltas, pieces, headers, strict=True)))


class Forwarder:
    """Sends pieces of records to partitions; made on first use, on the loop that uses it.

    Args:
        bootstrap: `host:port,…`. client_id: shows in the broker's log.
    """

    def __init__(self, bootstrap: str, client_id: str) -> None:
        self._settings: dict[str, Any] = {
            "bootstrap_servers": bootstrap, "client_id": client_id, "acks": "all", "enable_idempotence": True,
            "linger_ms": 0, "request_timeout_ms": 120_000, "max_request_size": 8 << 20,
        }  # fmt: skip
        self._producer: AIOKafkaProducer | None = None
        self._starting: asyncio.Future[None] | None = None

    async def send(self, topic: str, partition: int, pieces: list[bytes], headers: list[bytes]) -> None:
        """Return once Kafka has acknowledged all of the records.

        Raises:
            DeliveryError: a batch was not taken; any of them may be in the log all the same.
        """
        now = time.time_ns() // 1_000_000
        try:
            producer = await self._started()
            for begin, end in _slices(pieces):
                ready = ReadyBatch(pieces[begin:end], headers[begin:end], now)
                await (await producer.send_batch(ready, topic, partition=partition))
        except KafkaError as error:
            what = f"Kafka did not take a batch for {topic}-{partition}: {error!r}. It is sent again after a restart."
            raise DeliveryError(what) from error

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None or self._starting is None:
            self._producer = AIOKafkaProducer(**self._settings)
            self._starting = asyncio.ensure_future(self._producer.start())
        await asyncio.shield(self._starting)
        return self._producer

    async def close(self) -> None:
        """Give the connections back."""
        if self._producer is not None:
            await self._producer.stop()


def _slices(pieces: list[bytes]) -> Iterator[tuple[int, int]]:
    """Where each batch begins and ends: as many records as fit, at least one."""
    ends = list(accumulate(map(len, pieces)))
    begin = 0
    while begin < len(pieces):
        before = ends[begin - 1] if begin else 0
        fitting = bisect_right(ends, before + BATCH_BYTES, begin)
        end = min(max(fitting, begin + 1), begin + BATCH_RECORDS)
        yield begin, end
        begin = end
