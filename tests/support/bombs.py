"""Record batches that unpack to more than anyone takes."""

import asyncio
import time
import uuid

from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer

from tests.support.mock_broker import send_batch

# librdkafka unpacks zstd to 100 MB at most.
_UNPACKED = 101_000_000
_CODES = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def write_bomb(
    bootstrap: str,
    topic: str,
    *,
    records: int = 1,
    partition: int = 0,
    compression: str = "zstd",
    size: int = _UNPACKED,
) -> None:
    """One batch of so many records, `size` bytes of zeros together: ten kilobytes of zstd. Returns once it is there."""
    builder = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=_CODES[compression], is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=2 * size,
    )  # fmt: skip
    for number in range(records):
        builder.append(
            number, timestamp=int(time.time() * 1000), key=b"k", value=bytes(size // records + 1), headers=[]
        )
    asyncio.run(send_batch(bootstrap, topic, partition, bytes(builder.build())))


def abort_bomb(bootstrap: str, topic: str, partition: int) -> None:
    """The same of one record, in a transaction that is aborted."""
    producer = Producer({
        "bootstrap.servers": bootstrap, "compression.type": "zstd", "message.max.bytes": 1_000_000_000,
        "queue.buffering.max.kbytes": 1_000_000, "log_level": 0, "transactional.id": uuid.uuid4().hex,
    })  # fmt: skip
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, bytes(_UNPACKED), b"k", partition)
    assert producer.flush(60) == 0
    producer.abort_transaction(30)
