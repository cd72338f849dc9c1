"""Reads the events of the log as they come, on a thread of its own, and hands each to the feed."""

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from ops.api.feed import Feed
from ops.decoding import RecordDecoder
from schemas.errors import DecodeError
from schemas.records.log import IncidentEvent
from streams.topics import EVENTS

log = structlog.get_logger()

_BATCH = 500
_POLL_S = 0.2
_REQUEST_S = 5.0
_AGAIN_S = 2.0


class EventTail:
    """From the log's present end on; where the broker is away it is asked again until it answers."""

    def __init__(self, bootstrap: str, feed: Feed, topic: str = EVENTS.name) -> None:
        self._bootstrap, self._feed, self._topic = bootstrap, feed, topic
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._decoder = RecordDecoder(EVENTS.name)

    def start(self) -> None:
        """Begin; called on the feed's event loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="event-tail", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_REQUEST_S * 2)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._over.is_set():
            consumer = Consumer({
                "bootstrap.servers": self._bootstrap,
                "group.id": "breakwater-page",  # librdkafka wants one; nothing is ever committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "log_level": 0,
            })  # fmt: skip
            try:
                self._follow(consumer, loop)
            except KafkaException as error:
                log.warning("the events cannot be followed; trying again", error=str(error))
            except RuntimeError:
                return  # the loop is closed: the process ends
            finally:
                consumer.close()
                _call(loop, self._feed.cut_off)
            self._over.wait(_AGAIN_S)

    def _follow(self, consumer: Consumer, loop: asyncio.AbstractEventLoop) -> None:
        found = consumer.list_topics(self._topic, _REQUEST_S).topics.get(self._topic)
        if found is None or found.error is not None or not found.partitions:
            return  # not made yet
        ends = {
            p: consumer.get_watermark_offsets(TopicPartition(self._topic, p), _REQUEST_S)[1] for p in found.partitions
        }
        loop.call_soon_threadsafe(self._feed.begin, ends)
        consumer.assign([TopicPartition(self._topic, p, offset) for p, offset in ends.items()])
        while not self._over.is_set():
            messages = consumer.consume(_BATCH, _POLL_S)
            told = [item for message in messages if (item := self._told(message)) is not None]
            if told:
                loop.call_soon_threadsafe(self._publish, told)

    def _publish(self, told: list[tuple[int, int, str]]) -> None:
        for partition, offset, data in told:
            self._feed.publish(partition, offset, data)

    def _told(self, message: KafkaMessage) -> tuple[int, int, str] | None:
        error = message.error()
        if error is not None:
            if error.retriable():
                return None
            raise KafkaException(error)
        partition, offset = int(message.partition() or 0), int(message.offset() or 0)
        try:
            record = self._decoder.record(message.value() or b"")
        except DecodeError:
            return None
        if not isinstance(record, IncidentEvent):
            return None
        return partition, offset, json.dumps(summary(record, partition, offset))


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: the process ends
        loop.call_soon_threadsafe(what)


def summary(event: IncidentEvent, partition: int, offset: int) -> dict[str, Any]:
    """What listeners are told of an event: enough to know what to look at anew. Times are epoch ms."""
    return {
        "incident_id": event.incident_id,
        "tenant": event.tenant,
        "version": event.version,
        "episode": event.episode,
        "type": event.type,
        "agent": event.agent,
        "recorded_at": event.recorded_at,
        "topic": EVENTS.name,
        "partition": partition,
        "offset": offset,
    }
