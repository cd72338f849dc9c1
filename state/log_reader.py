"""Reading a bounded piece of a topic: committed records only, no consumer group, an end that is sure to come.

The end of a partition is taken when the reading starts. Offsets without a record (transaction markers, aborted and compacted
records) are never waited for: the broker's end-of-partition signal counts as well as the last offset.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import methodcaller
from types import TracebackType
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.frozen import maker
from schemas.records.vocabulary import Millis
from state.errors import StoreUnavailableError
from state.passing_over import Gap, PassOver
from state.unreadable import headers_of

_BATCH = 2_000
_POLL_S = 0.05  # a batch is waited for to fill up, also at the end of the log
_REQUEST_S = 15.0
# Word of a topic that was just made, or of a partition's new leader, takes a moment to spread.
_SPREADING_S = 3.0
_PAUSE_S = 0.05

# What passes by itself: the broker restarts, or has not yet heard of the topic. Patience bounds it.
_PASSING = frozenset({
    KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC,
    KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT, KafkaError.BROKER_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
})  # fmt: skip
_CHOOSING = frozenset({KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION})

# confluent-kafka 2 answers a header name that is no UTF-8 with a broken list and an exception set. Called by the interpreter
# itself, specialised, that goes unnoticed and ends the process later; called by C code it is a SystemError at once.
_HEADERS_OF = methodcaller("headers")

T = TypeVar("T")

Wanted = Callable[[bytes | None, bytes | None], bool]


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as the broker gives it. `timestamp` is epoch ms, -1 where there is none; a header may be without a value."""

    topic: str
    partition: int
    offset: int
    timestamp: Millis
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


_RAW = maker(RawRecord)


class LogReader:
    """Reads pieces of topics; a context manager.

    Args:
        bootstrap: `host:port,…`.
        group_id: the client's name on the broker; no group is joined and nothing is ever committed.
        patience_s: how long the broker may be silent before the reading is given up.
        committed: False also sees records of transactions that are under way or aborted.
    """

    def __init__(
        self,
        bootstrap: str,
        group_id: str = "breakwater-reader",
        patience_s: float = 30.0,
        *,
        committed: bool = True,
    ) -> None:
        self._bootstrap, self._committed = bootstrap, committed
        self._patience_s = patience_s
        self._request_s = min(_REQUEST_S, patience_s)
        self._last_error = ""
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": group_id,
            "client.id": group_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",  # where retention overtakes a reader
            "fetch.wait.max.ms": 50,  # the end of a partition is told after this
            "fetch.queue.backoff.ms": 10,  # at the default of 1,000 a reader starves
            "fetch.error.backoff.ms": 50,  # behind batches that cannot be unpacked
            "queued.max.messages.kbytes": 32_768,
            "error_cb": self._heard,
            "log_level": 0,  # its errors are told by error_cb
        })  # fmt: skip

    def __enter__(self) -> "LogReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._consumer.close()

    def partitions(self, topic: str) -> list[int]:
        """The topic's partitions; none where there is no such topic.

        Raises:
            StoreUnavailableError: Kafka does not answer.
        """
        deadline = time.monotonic() + _SPREADING_S
        while True:
            found = self._ask(lambda: self._consumer.list_topics(topic, timeout=self._request_s)).topics[topic]
            if not found.error:
                return sorted(found.partitions)
            if time.monotonic() > deadline:
                return []
            time.sleep(_PAUSE_S)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is kept, and the end: the offset after the last committed record.

        Raises:
            StoreUnavailableError: Kafka does not answer.
        """
        low, high = self._ask(
            lambda: self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=self._request_s)
        )
        return int(low), int(high)

    def offset_at(self, topic: str, partition: int, at: Millis) -> int | None:
        """The first offset whose record is dated at `at` or later; None where there is none.

        Raises:
            StoreUnavailableError: Kafka does not answer.
        """
        asked = [TopicPartition(topic, partition, max(at, 0))]
        found = self._ask(lambda: self._consumer.offsets_for_times(asked, timeout=self._request_s))[0]
        if found.error:
            raise self._unavailable(found.error.str())
        return None if found.offset < 0 else int(found.offset)

    def read(
        self, topic: str, ranges: Mapping[int, tuple[int, int]], wanted: Wanted | None = None
    ) -> Iterator[RawRecord]:
        """The records of each partition's range [start, end), each partition in order, partitions interleaved.

        Offsets that the log no longer keeps are passed over; `bounds` tells of them. For a batch that cannot be unpacked there is
        one record (state.unreadable).

        Args:
            wanted: by key and value, which records are handed out at all; passing one over takes a third of the time.

        Raises:
            StoreUnavailableError: Kafka fell silent.
        """
        open_ends = {p: end for p, (start, end) in ranges.items() if start < end}
        if not open_ends:
            return
        self._consumer.assign([TopicPartition(topic, p, self._start(topic, p, ranges[p][0])) for p in open_ends])
        heard_at, passing = time.monotonic(), PassOver(self._consumer, self._bootstrap if self._committed else None)
        while open_ends:
            came = self._consumer.consume(_BATCH, _POLL_S)
            messages, gaps = passing.take(came)
            heard = len(messages) < len(came)  # the rest says where a batch ends
            for message in messages:
                error = message.error()
                if error is not None and error.code() in _PASSING:
                    continue
                heard = True
                if self._belongs(message, error, open_ends) and (
                    wanted is None or wanted(message.key(), message.value())
                ):
                    yield raw_record(message)
            for gap in gaps:
                end = open_ends.get(gap.partition)
                if end is None:
                    continue
                if gap.last >= end - 1:
                    self._finished(gap.topic, gap.partition, open_ends)
                if wanted is None or wanted(None, None):
                    yield stand_in(gap)
            if heard:
                # After the records were handed out: whoever takes them may be slow.
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > self._patience_s:
                raise self._unavailable(self._last_error or f"it was silent for {self._patience_s:.0f} s")
        self._consumer.unassign()

    def _start(self, topic: str, partition: int, start: int) -> int:
        low, _ = self.bounds(topic, partition)
        return start if start > low else OFFSET_BEGINNING

    def _belongs(self, message: Message, error: KafkaError | None, open_ends: dict[int, int]) -> bool:
        """Whether it is a record of what is read; the last one of its partition, or word of its end, ends that."""
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise self._unavailable(error.str())
        end, offset = open_ends.get(message.partition() or 0), message.offset() or 0
        if end is None:
            return False
        if offset >= (end if error else end - 1):
            self._finished(str(message.topic()), int(message.partition() or 0), open_ends)
        return error is None and offset < end

    def _finished(self, topic: str, partition: int, open_ends: dict[int, int]) -> None:
        del open_ends[partition]
        if open_ends:
            self._consumer.incremental_unassign([TopicPartition(topic, partition)])

    def _ask(self, request: Callable[[], T]) -> T:
        began = time.monotonic()
        while True:
            try:
                return request()
            except KafkaException as error:
                code = error.args[0].code()
                # A broker that answers is given time to choose leaders; one that does not answer was waited for already.
                limit_s = self._patience_s if code in _CHOOSING else _SPREADING_S
                if code not in _PASSING or time.monotonic() - began > limit_s:
                    raise self._unavailable(error.args[0].str()) from error
            time.sleep(_PAUSE_S)

    def _heard(self, error: KafkaError) -> None:
        self._last_error = error.str()

    def _unavailable(self, why: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"Kafka at {self._bootstrap} could not be read: {why}. See that it runs (`breakwater kafka status`), "
            "and try again."
        )


def raw_record(message: Message) -> RawRecord:
    """A message of confluent-kafka as a record; of one whose header names are no UTF-8, without its headers."""
    made: RawRecord = _RAW(
        message.topic(), message.partition() or 0, message.offset() or 0, message.timestamp()[1], message.key(),
        message.value(), _headers(message),
    )  # fmt: skip
    return made


def stand_in(gap: Gap) -> RawRecord:
    """The record that tells of a batch which cannot be unpacked; its time is not known."""
    return RawRecord(gap.topic, gap.partition, gap.last, -1, None, None, [*headers_of(gap.first, gap.last)])


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    try:
        return _HEADERS_OF(message) or []
    except (SystemError, UnicodeDecodeError):
        # A name that is no UTF-8, which confluent-kafka cannot tell: the record is read without its headers.
        return []
