"""What every worker reads whole: topics that tell of other keys, all partitions, followed from a thread of their own."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, Message, TopicPartition

from schemas.errors import DecodeError
from streams.stage import Position, Received
from streams.topics import Topic
from streams.wire import Wire

# Of topics that are not compacted, a worker reads no further back than this: views hold what is recent.
BACK_MS = 900_000

Observe = Callable[[Received[Any]], None]


class ViewReader:
    """Follows topics without a group and hands each record to `observe` on the event loop.

    `caught_up` is set once everything that was in the log at the start has been handed over. A record that cannot be decoded
    is passed over: the stage that owns the topic dead-letters it.
    """

    def __init__(self, bootstrap: str, topics: Sequence[Topic], observe: Observe, wire: Wire) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self._observe = observe
        self._wire = wire
        self._bootstrap = bootstrap
        self._stopping = threading.Event()
        self.caught_up = asyncio.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow; returns at once."""
        loop = asyncio.get_running_loop()
        if not self._topics:
            self.caught_up.set()
            return
        self._thread = threading.Thread(target=self._follow, args=(loop,), name="views", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stopping.set()
        if self._thread:
            self._thread.join(2.0)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        consumer = Consumer({
            "bootstrap.servers": self._bootstrap, "group.id": "breakwater-views", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True, "fetch.wait.max.ms": 100,
        })  # fmt: skip
        try:
            starts = self._starts(consumer)
            consumer.assign(starts)
            behind = {(tp.topic, tp.partition) for tp in starts}
            if not behind:
                loop.call_soon_threadsafe(self.caught_up.set)
            while not self._stopping.is_set():
                messages = consumer.consume(1000, 0.2)
                if not messages:
                    continue
                loop.call_soon_threadsafe(self._hand_over, [m for m in messages if m.error() is None])
                behind -= {_place(m) for m in messages if _at_end(m)}
                if not behind and not self.caught_up.is_set():
                    loop.call_soon_threadsafe(self.caught_up.set)
        finally:
            consumer.close()

    def _starts(self, consumer: Consumer) -> list[TopicPartition]:
        found = consumer.list_topics(timeout=30).topics
        starts: list[TopicPartition] = []
        for name, topic in self._topics.items():
            partitions = list(found[name].partitions) if name in found else []
            if topic.compacted:
                starts += [TopicPartition(name, p, OFFSET_BEGINNING) for p in partitions]
            elif partitions:
                since = int(time.time() * 1000) - BACK_MS
                at = consumer.offsets_for_times([TopicPartition(name, p, since) for p in partitions], timeout=30)
                starts += [
                    TopicPartition(tp.topic, tp.partition, tp.offset if tp.offset >= 0 else OFFSET_END) for tp in at
                ]
        return starts

    def _hand_over(self, messages: list[Message]) -> None:
        for message in messages:
            topic = self._topics[message.topic() or ""]
            try:
                record = self._wire.codec(topic.record).decode(message.value())
            except DecodeError:
                continue
            where = Position(topic.name, message.partition() or 0, message.offset() or 0, message.timestamp()[1])
            self._observe(Received(record, where))


def _place(message: Message) -> tuple[str | None, int | None]:
    return message.topic(), message.partition()


def _at_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF
