"""The raw limit of a topic: how fast librdkafka hands its records over, with nothing done to any of them."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from ops.bench.errors import BenchError

_BATCH = 20_000
_STILL_S = 30.0


def consume_only(bootstrap: str, topic: str, partitions: int, records: int) -> float:
    """Records a second, from the first batch to the last.

    Raises:
        BenchError: fewer records came than there are said to be.
    """
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "bench-limit",
        "enable.auto.commit": False,
        "fetch.queue.backoff.ms": 10,  # at the default of 1,000 it starves
        "queued.max.messages.kbytes": 131_072,
    })  # fmt: skip
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    try:
        came = first = len(consumer.consume(1, _STILL_S))
        began = heard = time.monotonic()
        while came < records:
            some = len(consumer.consume(_BATCH, 0.1))
            now = time.monotonic()
            heard = now if some else heard
            came += some
            if now - heard > _STILL_S:
                raise BenchError(f"Of {records} records {came} came. See that Kafka runs and nothing else writes.")
        return (came - first) / (time.monotonic() - began)
    finally:
        consumer.close()
