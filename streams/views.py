"""What every worker reads whole: topics that tell of other keys, all partitions, followed from a thread of their own."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.dates import check_dates
from schemas.errors import DecodeError
from state.clock import wall_clock_ms
from state.passing_over import PassOver
from streams.quiet import quiet
from streams.stage import Position, Received
from streams.topics import Topic
from streams.wire import Wire

log = structlog.get_logger()

# Of topics that are not compacted, a worker reads no further back than this: views hold what is recent.
BACK_MS = 900_000
LOOK_AGAIN_S = 2.0
LOOK_LIMIT_S = 10.0

Place = tuple[str, int]

Observe = Callable[[Received[Any]], None]


class ViewReader:
    """Follows topics without a group and hands each record to `observe` on the event loop.

    `caught_up` is set once everything that was in the log at the start has been handed over. A record that cannot be decoded
    is passed over: the stage that owns the topic dead-letters it. A topic that is not there yet is read once it is; while
    Kafka does not answer, the thread waits for it.
    """

    def __init__(self, bootstrap: str, topics: Sequence[Topic], observe: Observe, wire: Wire) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self._observe = observe
        self._wire = wire
        self._bootstrap = bootstrap
        self._stopping = threading.Event()
        self._behind: set[Place] = set()
        self._looked = False
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
        """Stop following; the thread ends within a moment, on its own."""
        self._stopping.set()

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        consumer = Consumer({
            "bootstrap.servers": self._bootstrap, "group.id": "breakwater-views", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True, "fetch.wait.max.ms": 100,
            "fetch.error.backoff.ms": 50, **quiet("breakwater-views"),
        })  # fmt: skip
        passing = PassOver(consumer, self._bootstrap)
        missing = set(self._topics)
        look_at = 0.0
        try:
            while not self._stopping.is_set():
                if missing and time.monotonic() >= look_at:
                    missing -= self._find(consumer, missing)
                    look_at = time.monotonic() + LOOK_AGAIN_S
                messages, _ = passing.take(consumer.consume(1000, 0.1))
                self._tell(loop, self._hand_over, [m for m in messages if m.error() is None])
                self._behind -= {_place(m) for m in messages if _at_end(m)}
                if self._looked and not self._behind and not self.caught_up.is_set():
                    self._tell(loop, self.caught_up.set)
        finally:
            consumer.close()

    def _tell(self, loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
        try:
            loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop has closed: the worker is gone
            self._stopping.set()

    def _find(self, consumer: Consumer, names: set[str]) -> set[str]:
        """Begin to read those of the topics that are there."""
        try:
            there = consumer.list_topics(timeout=LOOK_LIMIT_S).topics
            found = {name: list(there[name].partitions) for name in names if name in there and there[name].partitions}
            starts = [start for name, partitions in found.items() for start in self._starts(consumer, name, partitions)]
        except KafkaException as error:
            log.warning("views wait for Kafka", reason=str(error))
            return set()
        self._looked = True
        if starts:
            consumer.incremental_assign(starts)
            self._behind |= {(start.topic, start.partition) for start in starts}
        return set(found)

    def _starts(self, consumer: Consumer, name: str, partitions: list[int]) -> list[TopicPartition]:
        if self._topics[name].compacted:
            return [TopicPartition(name, p, OFFSET_BEGINNING) for p in partitions]
        since = wall_clock_ms() - BACK_MS
        at = consumer.offsets_for_times([TopicPartition(name, p, since) for p in partitions], timeout=LOOK_LIMIT_S)
        return [TopicPartition(tp.topic, tp.partition, tp.offset if tp.offset >= 0 else OFFSET_END) for tp in at]

    def _hand_over(self, messages: list[Message]) -> None:
        for message in messages:
            topic = self._topics[message.topic() or ""]
            where = Position(topic.name, message.partition() or 0, message.offset() or 0, message.timestamp()[1])
            try:
                record = self._wire.codec(topic.record).decode(message.value())
                check_dates(record)
                self._observe(Received(record, where))
            except DecodeError:
                continue
            except Exception:
                log.exception("a view could not take a record", topic=topic.name, offset=where.offset)


def _place(message: Message) -> Place:
    return message.topic() or "", message.partition() or 0


def _at_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF
