"""Hands each event of the log to the feed as it comes."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Message

from ops.api.feed import Feed
from ops.api.tailing import ListenerGoneError, LogTail, Place
from ops.decoding import RecordDecoder
from schemas.errors import DecodeError
from schemas.records.log import IncidentEvent
from state.log_reader import raw_record
from streams.topics import EVENTS
from streams.wire import written_again


class EventTail:
    """From the log's present end on."""

    def __init__(self, bootstrap: str, feed: Feed, topic: str = EVENTS.name) -> None:
        self._bootstrap, self._feed, self._topic = bootstrap, feed, topic
        self._tail: LogTail | None = None

    def start(self) -> None:
        """Begin; called on the feed's event loop."""
        telling = _Telling(self._feed, asyncio.get_running_loop())
        self._tail = LogTail(self._bootstrap, [self._topic], telling)
        self._tail.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        if self._tail is not None:
            self._tail.stop()


class _Telling:
    """From the tail's thread to the feed's event loop."""

    def __init__(self, feed: Feed, loop: asyncio.AbstractEventLoop) -> None:
        self._feed, self._loop = feed, loop
        self._decoder = RecordDecoder(EVENTS.name)

    def begin(self, ends: dict[Place, int]) -> None:
        self._call(lambda: self._feed.begin({partition: end for (_, partition), end in ends.items()}))

    def take(self, messages: Sequence[Message]) -> None:
        told = [item for message in messages if (item := self._told(message)) is not None]
        if told:
            self._call(lambda: self._publish(told))

    def cut_off(self) -> None:
        self._call(self._feed.cut_off)

    def _publish(self, told: list[tuple[int, int, str]]) -> None:
        for partition, offset, data in told:
            self._feed.publish(partition, offset, data)

    def _told(self, message: Message) -> tuple[int, int, str] | None:
        raw = raw_record(message)
        partition, offset = raw.partition, raw.offset
        if written_again(EVENTS, raw):
            return None  # a repair: it was told when it was new
        try:
            record = self._decoder.record(raw.value or b"")
        except DecodeError:
            return None
        if not isinstance(record, IncidentEvent):
            return None
        return partition, offset, json.dumps(summary(record, partition, offset))

    def _call(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError as error:  # the loop is closed
            raise ListenerGoneError from error


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
