"""Reading a topic once, from its beginning to its end, without a consumer group: for commands and for looking things up."""

import time
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.errors import BrokerUnreachableError

_LOOK_UP_S = 10.0


def read_all(bootstrap: str, topic: str, *, patience_s: float = 30.0) -> Iterator[Message]:
    """Every committed record of a topic, each partition in order, up to its end when that is reached.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`, or nothing more came for `patience_s`.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "breakwater-reading",  # librdkafka wants one; nothing is ever committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 10,
        }
    )
    try:
        partitions = _partitions(consumer, bootstrap, topic, min(patience_s, _LOOK_UP_S))
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        yield from _until_end(consumer, bootstrap, set(partitions), patience_s)
    finally:
        consumer.close()


def _partitions(consumer: Consumer, bootstrap: str, topic: str, timeout_s: float) -> list[int]:
    try:
        found = consumer.list_topics(topic, timeout=timeout_s).topics[topic]
    except KafkaException as error:
        raise BrokerUnreachableError(bootstrap) from error
    return [] if found.error else list(found.partitions)


def _until_end(consumer: Consumer, bootstrap: str, unread: set[int], patience_s: float) -> Iterator[Message]:
    deadline = time.monotonic() + patience_s
    while unread:
        for message in consumer.consume(1000, 0.2):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition() or 0)
            else:
                continue  # the client's word that a broker is away; that is no progress
            deadline = time.monotonic() + patience_s
        if time.monotonic() > deadline:
            raise BrokerUnreachableError(bootstrap)
