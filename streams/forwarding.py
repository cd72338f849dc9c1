"""Sends records on as the bytes that they are stored by: a record batch put together from pieces of others.

A producer of single records costs 1.5 µs a record in its client; joined by Arrow it costs a tenth. What is sent is message
format v2 (KIP-98), one batch a call, by an idempotent aiokafka producer, so that retries repeat and reorder nothing.
"""

import asyncio
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from aiokafka import AIOKafkaProducer
from aiokafka.codec import lz4_encode
from aiokafka.errors import KafkaError
from aiokafka.record.util import calc_crc32c
from numpy.typing import NDArray

from schemas.template import avro_long
from streams.errors import DeliveryError

Ints = NDArray[np.int64]

# Records in a batch: at 200 bytes each, 1 MB before it is compressed. A topic's limit is for compressed batches.
BATCH_RECORDS = 5_000
BATCH_BYTES = 1 << 20
_LZ4 = 3
# 0.1 µs a record; the client's default, 9, takes ten times that.
_LZ4_LEVEL = 1
_HEADER = struct.Struct(">qiibIhiqqqhii")
_PRODUCER_AT, _CRC_AT, _CRC_OF = 43, 17, 21
_COMMON = 2_048
_VARINTS = pa.array([avro_long(size) for size in range(_COMMON)], pa.binary())
_DELTAS = pa.array([b"\0\0" + avro_long(delta) for delta in range(BATCH_RECORDS)], pa.binary())


class ReadyBatch:
    """A record batch that aiokafka's producer takes in place of one that it builds itself.

    Args:
        records: as the batch holds them, uncompressed. count: how many. timestamp: of all of them, epoch ms.
    """

    def __init__(self, records: bytes, count: int, timestamp: int) -> None:
        self._count, self._timestamp = count, timestamp
        self._producer = (-1, -1, -1)
        self._packed = lz4_encode(records, _LZ4_LEVEL)
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


def joined(pieces: pa.Array, headers: pa.Array) -> list[tuple[bytes, int]]:
    """Records made from pieces, for as many batches as are needed: the bytes and the number of each.

    Args:
        pieces: binary, of each record its key and value as a record holds them: length and bytes of the key, then of the value.
        headers: binary, of each record its headers as a record holds them, their number first.
    """
    sizes = pc.binary_length(pieces).to_numpy() + pc.binary_length(headers).to_numpy()
    return [_joined(pieces, headers, sizes, begin, end) for begin, end in _slices(np.cumsum(sizes))]


def _joined(pieces: pa.Array, headers: pa.Array, sizes: Ints, begin: int, end: int) -> tuple[bytes, int]:
    # A record: its length, attributes and timestamp delta of 0, its offset delta, and what it is made from.
    deltas = _DELTAS[: end - begin]
    whole = sizes[begin:end] + pc.binary_length(deltas).to_numpy()
    lengths = (
        _VARINTS.take(pa.array(whole))
        if int(whole.max()) < _COMMON
        else pa.array(map(avro_long, whole.tolist()), pa.binary())
    )
    records = pc.binary_join_element_wise(lengths, deltas, pieces[begin:end], headers[begin:end], b"")
    data: bytes = records.buffers()[2][: pc.sum(pc.binary_length(records)).as_py()].to_pybytes()
    return data, end - begin


def _slices(ends: Ints) -> Iterator[tuple[int, int]]:
    """Where each batch begins and ends: as many records as fit, at least one."""
    begin = 0
    while begin < len(ends):
        before = int(ends[begin - 1]) if begin else 0
        fitting = int(np.searchsorted(ends, before + BATCH_BYTES, side="right"))
        end = min(max(fitting, begin + 1), begin + BATCH_RECORDS, len(ends))
        yield begin, end
        begin = end


_Waiting = tuple[pa.Array, pa.Array, "asyncio.Future[None]"]


@dataclass(slots=True)
class _Lane:
    """What waits for one partition while a batch for it is under way."""

    waiting: list[_Waiting] = field(default_factory=list)
    emptying: asyncio.Task[None] | None = None


class Forwarder:
    """Sends pieces of records to partitions; made on first use, on the loop that uses it.

    While a batch is under way to a partition, what comes for it waits and goes with the next one: aiokafka sends one batch of a
    partition at a time, and many small ones would stand in line for a round trip each.

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
        self._lanes: dict[tuple[str, int], _Lane] = {}

    async def send(self, topic: str, partition: int, pieces: pa.Array, headers: pa.Array) -> None:
        """Return once Kafka has acknowledged all of the records; see `joined` for what they are made from.

        Raises:
            DeliveryError: a batch was not taken; any of them may be in the log all the same.
        """
        lane = self._lanes.setdefault((topic, partition), _Lane())
        sent = asyncio.get_running_loop().create_future()
        lane.waiting.append((pieces, headers, sent))
        if lane.emptying is None:
            lane.emptying = asyncio.create_task(self._empty(lane, topic, partition))
        await sent

    async def _empty(self, lane: _Lane, topic: str, partition: int) -> None:
        """Send what waits until nothing does; of what fails everyone is told who waits."""
        taken: list[_Waiting] = []
        try:
            while lane.waiting:
                taken, lane.waiting = lane.waiting, []
                await self._send_joined(topic, partition, taken)
                for *_, sent in taken:
                    if not sent.done():  # else whoever waited was cancelled
                        sent.set_result(None)
        except Exception as error:  # noqa: BLE001 - those who wait raise it
            failed, lane.waiting = taken + lane.waiting, []
            for *_, sent in failed:
                if not sent.done():
                    sent.set_exception(error)
        finally:
            lane.emptying = None

    async def _send_joined(self, topic: str, partition: int, taken: Sequence[_Waiting]) -> None:
        pieces, headers = (pa.concat_arrays([one[column] for one in taken]) for column in (0, 1))
        now = time.time_ns() // 1_000_000
        try:
            producer = await self._started()
            for records, count in joined(pieces, headers):
                ready = ReadyBatch(records, count, now)
                await (await producer.send_batch(ready, topic, partition=partition))
        except KafkaError as error:
            what = f"Kafka did not take a batch for {topic}-{partition}: {error!r}. It is sent again after a restart."
            raise DeliveryError(what) from error

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None or self._starting is None:
            self._producer = AIOKafkaProducer(**self._settings)
            self._starting = asyncio.ensure_future(self._producer.start())
        try:
            await asyncio.shield(self._starting)
        except KafkaError:
            self._producer = self._starting = None  # the next one begins anew
            raise
        return self._producer

    async def close(self) -> None:
        """Give the connections back."""
        if self._producer is not None:
            await self._producer.stop()
