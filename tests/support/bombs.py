"""Record batches that unpack to more than anyone takes."""

import uuid

from confluent_kafka import Producer

# librdkafka unpacks zstd to 100 MB at most.
_UNPACKED = 101_000_000


def write_bomb(
    bootstrap: str,
    topic: str,
    *,
    records: int = 1,
    partition: int = 0,
    compression: str = "zstd",
    size: int = _UNPACKED,
    aborted: bool = False,
) -> None:
    """One batch of so many records, `size` bytes of zeros together: three kilobytes of zstd. Returns once it is there."""
    producer = Producer({
        "bootstrap.servers": bootstrap, "compression.type": compression, "message.max.bytes": 1_000_000_000,
        "batch.size": 1_000_000_000, "batch.num.messages": records, "linger.ms": 10_000,
        "queue.buffering.max.kbytes": 1_000_000, "log_level": 0,
        **({"transactional.id": uuid.uuid4().hex} if aborted else {}),
    })  # fmt: skip
    failures: list[object] = []
    if aborted:
        producer.init_transactions(30)
        producer.begin_transaction()
    for _ in range(records):
        producer.produce(
            topic, bytes(size // records + 1), b"k", partition,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )  # fmt: skip
    assert producer.flush(60) == 0
    assert failures == []
    if aborted:
        producer.abort_transaction(30)
