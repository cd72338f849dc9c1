"""Whether a record batch belongs to a transaction that was aborted: asked of the broker, for batches that cannot be unpacked.

Readers of committed records leave such a batch out without a look at its records; librdkafka looks at them first, and fails over
those that it cannot unpack. What the broker sends with a batch tells: its header, which is not packed, and the transactions that
were aborted (KIP-98).
"""

import asyncio
import struct
from concurrent.futures import ThreadPoolExecutor

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest

_HEADER = struct.Struct(">qiibIhiqqqhii")
_TRANSACTIONAL = 0x10
_COMMITTED_ONLY = 1
_WAIT_MS = 1_000
_MOST_BYTES = 4 << 20
_PATIENCE_S = 15.0


def was_aborted(bootstrap: str, topic: str, partition: int, offset: int) -> bool:
    """Whether the batch at this offset, its first, was aborted; False where the broker does not tell."""
    # A thread of its own: whoever asks may have an event loop.
    with ThreadPoolExecutor(1, "batch-fate") as thread:
        return thread.submit(_asked, bootstrap, topic, partition, offset).result()


def _asked(bootstrap: str, topic: str, partition: int, offset: int) -> bool:
    try:
        return asyncio.run(asyncio.wait_for(_fetched(bootstrap, topic, partition, offset), _PATIENCE_S))
    except (KafkaError, TimeoutError, OSError):
        return False


async def _fetched(bootstrap: str, topic: str, partition: int, offset: int) -> bool:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client.set_topics([topic])
        leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        if leader is None or leader < 0:
            return False
        request = FetchRequest(_WAIT_MS, 1, _MOST_BYTES, _COMMITTED_ONLY, [(topic, [(partition, offset, _MOST_BYTES)])])
        response = await client.send(leader, request)
    finally:
        await client.close()
    parts = [part for _, some in response.topics or () for part in some]
    if len(parts) != 1:
        return False
    _, error, *told, data = parts[0]
    aborted = next((part for part in told if isinstance(part, list)), None) or []
    if error or len(data) < _HEADER.size:
        return False
    base, _, _, _, _, attributes, _, _, _, producer, *_ = _HEADER.unpack_from(data)
    return bool(attributes & _TRANSACTIONAL) and any(pid == producer and first <= base for pid, first in aborted)
