"""librdkafka's own mock broker, in this process: reading and writing over a real socket within milliseconds, without a JVM.

It keeps four partitions a topic and knows no transactions; what only a real Kafka can tell is for tests/integration.
"""

import asyncio
from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer


class MockBroker:
    """A broker that lives as long as this object; `bootstrap` is its address."""

    def __init__(self) -> None:
        self.producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
        (broker,) = self.producer.list_topics(timeout=10).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"

    def write(self, topic: str, values: Sequence[bytes], partition: int = 0) -> None:
        """Records with these values; returns once they are there."""
        for value in values:
            self.producer.produce(topic, value, partition=partition)
        assert self.producer.flush(10) == 0


class RawText(str):
    """A text whose UTF-8 is what it is told to be: for header names that are none."""

    raw = b"\xff\xfe"

    def encode(self, *_: object, **__: object) -> bytes:
        return self.raw


def write_raw_header(bootstrap: str, topic: str, value: bytes, partition: int = 0) -> None:
    """Write a record with a header whose name is no UTF-8, as a client in C can, and those in Python cannot."""
    batch = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    batch.append(0, timestamp=1_700_000_000_000, key=b"k", value=value, headers=[(RawText(), b"\xff")])
    asyncio.run(send_batch(bootstrap, topic, partition, bytes(batch.build())))


async def send_batch(bootstrap: str, topic: str, partition: int, batch: bytes) -> None:
    """Write a record batch as it is; returns once it is there."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client.set_topics([topic])
        leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        answer = await client.send(leader, ProduceRequest(None, -1, 10_000, [(topic, [(partition, batch)])]))
        ((_, ((_, error, *_),)),) = answer.topics
        assert error == 0
    finally:
        await client.close()
