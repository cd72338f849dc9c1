"""Watches the log from the demonstration's beginning, without a consumer group, and keeps the picture of it."""

import threading
import time

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from ops.demo.picture import Picture
from ops.demo.snapshot import Observed
from schemas.errors import DecodeError
from streams.errors import BrokerUnreachableError
from streams.topics import (
    ACCOUNT,
    ACTIONS,
    CANDIDATES,
    DEAD_LETTERS,
    DECISIONS,
    DIAGNOSES,
    EVENTS,
    NOTIFICATIONS,
    PREDICTIONS,
    RECOMMENDATIONS,
    STORMS,
    Topic,
)
from streams.wire import Wire

WATCHED: tuple[Topic, ...] = (
    ACCOUNT, STORMS, CANDIDATES, PREDICTIONS, DIAGNOSES, RECOMMENDATIONS, DECISIONS, ACTIONS, NOTIFICATIONS, EVENTS,
    DEAD_LETTERS,
)  # fmt: skip
_REQUEST_S = 15.0
_POLL_S = 0.2


class Observer:
    """Follows WATCHED from their ends as they are at `start`, in a thread of its own."""

    def __init__(self, bootstrap: str, picture: Picture) -> None:
        self._bootstrap = bootstrap
        self._picture = picture
        self._topics = {topic.name: topic for topic in WATCHED}
        self._wire = Wire()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._consumer: Consumer | None = None
        self._thread = threading.Thread(target=self._follow, name="observer", daemon=True)
        self.unreadable = 0

    def start(self) -> None:
        """Note where the log ends now, and follow it from there.

        Raises:
            BrokerUnreachableError: nothing answers at the bootstrap address.
        """
        self._consumer = Consumer({
            "bootstrap.servers": self._bootstrap, "group.id": "breakwater-demo-observer", "enable.auto.commit": False,
            "isolation.level": "read_committed", "fetch.wait.max.ms": 50, "fetch.queue.backoff.ms": 10,
            "auto.offset.reset": "earliest", "log_level": 2,
        })  # fmt: skip
        self._consumer.assign(self._ends_in_time(self._consumer))
        self._thread.start()

    def stop(self) -> None:
        """End, and give the connection back."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._consumer is not None:
            self._consumer.close()

    def observed(self) -> Observed:
        """The picture now."""
        with self._lock:
            return self._picture.observed()

    def _ends_in_time(self, consumer: Consumer) -> list[TopicPartition]:
        """The ends; a partition that was made a moment ago may have no leader yet."""
        deadline = time.monotonic() + _REQUEST_S
        while True:
            try:
                return self._ends(consumer)
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise BrokerUnreachableError(self._bootstrap) from error
                time.sleep(_POLL_S)

    def _ends(self, consumer: Consumer) -> list[TopicPartition]:
        found = consumer.list_topics(timeout=_REQUEST_S).topics
        places = [TopicPartition(name, p) for name in self._topics if name in found for p in found[name].partitions]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=_REQUEST_S)[1]
        return places

    def _follow(self) -> None:
        consumer = self._consumer
        if consumer is None:
            raise AssertionError("The observer follows before it has started.")
        while not self._stopping.is_set():
            messages = consumer.consume(1000, _POLL_S)
            with self._lock:
                for message in messages:
                    if message.error() is None:
                        self._take(message)

    def _take(self, message: Message) -> None:
        topic = self._topics[message.topic() or ""]
        if message.value() is None:
            return
        try:
            self._picture.take(topic.name, self._wire.codec(topic.record).decode(message.value()))
        except DecodeError:
            # The stage that reads the topic dead-letters it; here it is only counted.
            self.unreadable += 1
