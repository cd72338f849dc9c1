"""Follows topics of the log on a thread of its own, from a while ago or from now on, and hands on what comes.

No group is joined and nothing is committed. Where the broker is away it is asked again until it answers.
"""

import threading
import time
from collections.abc import Sequence
from typing import Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from state.passing_over import PassOver

log = structlog.get_logger()

Place = tuple[str, int]  # topic, partition

_BATCH = 500
_POLL_S = 0.2
_REQUEST_S = 5.0
_AGAIN_S = 2.0


class ListenerGoneError(Exception):
    """Whom the tail tells is no more: the process ends."""


class TailListener(Protocol):
    """Who is told, on the tail's thread."""

    def begin(self, ends: dict[Place, int]) -> None:
        """The reading starts; `ends` are the offsets behind the last record that is there, by topic and partition."""

    def take(self, messages: Sequence[Message]) -> None:
        """Records, those of a partition in order."""

    def cut_off(self) -> None:
        """The log cannot be read now."""


class LogTail:
    """Started and stopped once.

    Args:
        bootstrap: `host:port,…`.
        topics: those that are missing are waited for.
        back_s: from how long ago on; 0: from the present end.
        most_back: so many offsets of a partition at most.
    """

    def __init__(
        self, bootstrap: str, topics: Sequence[str], listener: TailListener, *, back_s: float = 0.0, most_back: int = 50_000
    ) -> None:  # fmt: skip
        self._bootstrap, self._topics, self._listener = bootstrap, tuple(topics), listener
        self._back_s, self._most_back = back_s, most_back
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=f"tail-{self._topics[0]}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_REQUEST_S * 2)

    def _run(self) -> None:
        while not self._over.is_set():
            consumer = Consumer({
                "bootstrap.servers": self._bootstrap,
                "group.id": "breakwater-page",  # librdkafka wants one; nothing is ever committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.error.backoff.ms": 50,
                "queued.max.messages.kbytes": 8_192,
                "log_level": 0,
            })  # fmt: skip
            try:
                self._follow(consumer)
            except KafkaException as error:
                log.warning("the log cannot be followed; trying again", topics=self._topics, error=str(error))
            except ListenerGoneError:
                return
            finally:
                consumer.close()
            try:
                self._listener.cut_off()
            except ListenerGoneError:
                return
            self._over.wait(_AGAIN_S)

    def _follow(self, consumer: Consumer) -> None:
        there = consumer.list_topics(timeout=_REQUEST_S).topics
        found = [there[name] for name in self._topics if name in there and there[name].error is None]
        if len(found) < len(self._topics):
            return  # not made yet
        bounds = {
            (topic.topic, p): consumer.get_watermark_offsets(TopicPartition(topic.topic, p), _REQUEST_S)
            for topic in found
            for p in topic.partitions
        }
        starts = self._starts(consumer, bounds)
        self._listener.begin({place: end for place, (_, end) in bounds.items()})
        consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
        passing = PassOver(consumer, self._bootstrap)
        while not self._over.is_set():
            messages, _ = passing.take(consumer.consume(_BATCH, _POLL_S))
            for message in messages:
                error = message.error()
                if error is not None and not error.retriable() and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
            read = [message for message in messages if message.error() is None]
            if read:
                self._listener.take(read)

    def _starts(self, consumer: Consumer, bounds: dict[Place, tuple[int, int]]) -> dict[Place, int]:
        if not self._back_s:
            return {place: end for place, (_, end) in bounds.items()}
        since = int((time.time() - self._back_s) * 1000)
        dated = consumer.offsets_for_times([TopicPartition(*place, since) for place in bounds], _REQUEST_S)
        found = {(one.topic, one.partition): one.offset for one in dated}
        return {
            place: max(low, end - self._most_back, found[place]) if found[place] >= 0 else end
            for place, (low, end) in bounds.items()
        }
