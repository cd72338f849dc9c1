"""A look at what a group has not read: the first records behind its position, and whether there are any.

Offsets say too much: behind the last record lies the marker of its transaction, and compaction leaves gaps. Only the broker
knows whether a record is among them, so it is asked for the records: of all partitions at once, and of each a few.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.errors import BrokerUnreachableError

# Of the unread records this many are looked at: to count them exactly where they are fewer, and for who waits.
PEEK_RECORDS = 100
_BATCH = 500
_POLL_S = 0.05

Partition = tuple[str, int]  # topic, partition


@dataclass(slots=True)
class Glimpse:
    """The first unread records of a partition, in order; `whole`: there are no others."""

    records: list[Message] = field(default_factory=list)
    whole: bool = False


class Peek:
    """Looks at partitions of one broker; `close` gives the connections back."""

    def __init__(self, bootstrap: str, patience_s: float = 10.0) -> None:
        self._bootstrap, self._patience_s = bootstrap, patience_s
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": "breakwater-lag",  # librdkafka wants one; nothing is ever committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",  # where retention has overtaken a group
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 10,
            # A look takes little from a broker that has a storm to carry.
            "max.partition.fetch.bytes": 65_536,
            "queued.max.messages.kbytes": 4_096,
            "log_level": 0,
        })  # fmt: skip

    def close(self) -> None:
        """Give the connections back."""
        self._consumer.close()

    def look(
        self, ranges: Mapping[Partition, tuple[int, int]], limit_s: float = float("inf")
    ) -> dict[Partition, Glimpse]:
        """The first records of each range [start, end); after `limit_s`, what was seen of them by then.

        Raises:
            BrokerUnreachableError: Kafka fell silent.
        """
        found = {place: Glimpse() for place in ranges}
        left = set(ranges)
        self._consumer.assign([TopicPartition(*place, start) for place, (start, _) in ranges.items()])
        began = heard_at = time.monotonic()
        while left and time.monotonic() - began < limit_s:
            messages = self._consumer.consume(_BATCH, _POLL_S)
            for message in messages:
                self._take(message, ranges, found, left)
            if messages:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > self._patience_s:
                raise BrokerUnreachableError(self._bootstrap)
        self._consumer.unassign()
        return found

    def _take(
        self,
        message: Message,
        ranges: Mapping[Partition, tuple[int, int]],
        found: dict[Partition, Glimpse],
        left: set[Partition],
    ) -> None:
        place, error = (str(message.topic()), int(message.partition() or 0)), message.error()
        if error is not None and error.code() == KafkaError._BAD_COMPRESSION and place in left:
            self._done(place, left)  # nobody sees beyond it: offsets have to tell
            return
        if place not in left or (error is not None and error.code() != KafkaError._PARTITION_EOF):
            return  # a broker that is away says so again and again; patience bounds it
        glimpse, end, offset = found[place], ranges[place][1], int(message.offset() or 0)
        if error is None and offset < end:
            glimpse.records.append(message)
        glimpse.whole = error is not None or offset >= end - 1
        if glimpse.whole or len(glimpse.records) >= PEEK_RECORDS:
            self._done(place, left)

    def _done(self, place: Partition, left: set[Partition]) -> None:
        left.discard(place)
        if not left:
            return
        try:
            self._consumer.incremental_unassign([TopicPartition(*place)])
        except KafkaException as error:
            raise BrokerUnreachableError(self._bootstrap) from error
