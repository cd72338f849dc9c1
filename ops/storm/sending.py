"""Sends generated alerts as ready record batches, faster than a producer takes them one by one."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache

import pyarrow as pa

from schemas.template import avro_long
from streams.forwarding import BATCH_RECORDS, Forwarder
from streams.partitioning import partition_of

# What is sent at once, of all partitions; and as many again may be under way.
_PIECE = 4 * BATCH_RECORDS
_NO_HEADERS = b"\0"
_size = lru_cache(maxsize=4096)(avro_long)


async def send_storm(
    forwarder: Forwarder,
    topic: str,
    partitions: int,
    alerts: Iterable[tuple[bytes, bytes]],
    sent: Callable[[int], float],
    stride: int = _PIECE,
) -> int:
    """Send keys and values to the partitions of their keys; returns how many were sent.

    Args:
        sent: told how many are handed over, answers for how many seconds to wait before the next. stride: told so often.

    Raises:
        DeliveryError: Kafka did not take a batch.
    """
    places: dict[bytes, tuple[int, bytes]] = {}
    pieces: dict[int, list[bytes]] = defaultdict(list)
    under_way: asyncio.Task[None] | None = None
    count = 0
    for key, value in alerts:
        place = places.get(key)
        if place is None:
            place = places[key] = partition_of(key, partitions), avro_long(len(key)) + key
        pieces[place[0]].append(place[1] + _size(len(value)) + value)
        count += 1
        if count % stride == 0:
            if under_way is not None:
                await under_way
            under_way = asyncio.create_task(_send(forwarder, topic, pieces))
            pieces = defaultdict(list)
            await asyncio.sleep(sent(count))
    if under_way is not None:
        await under_way
    await _send(forwarder, topic, pieces)
    return count


async def _send(forwarder: Forwarder, topic: str, pieces: dict[int, list[bytes]]) -> None:
    sends = []
    for partition, some in pieces.items():
        headless = pa.repeat(pa.scalar(_NO_HEADERS, pa.binary()), len(some))
        sends.append(forwarder.send(topic, partition, pa.array(some, pa.binary()), headless))
    await asyncio.gather(*sends)
