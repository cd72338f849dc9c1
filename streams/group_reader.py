"""A consumer group of its own beside the app's, read from a thread of its own: for what may stand still and hold up nobody.

An agent that waits stops the fetching of all topics of its app, and what waits in it waits in memory. Here the next batch is
fetched once the last one is done with, so what waits, waits in Kafka; the group's committed offsets say how far it is.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from state.log_reader import RawRecord, raw_record, stand_in
from state.passing_over import Gap, PassOver

log = structlog.get_logger()

# Records handed over at once; what the client fetches ahead is bounded by its bytes.
BATCH = 500
_AHEAD_KBYTES = 8_192
_POLL_S = 0.2
_COMPANY_S = 0.02  # how long a record waits for the next one of its batch
_SESSION_MS = 10_000
# A store that is filled from the beginning of the log takes its time within one call.
_LONGEST_CALL_MS = 1_800_000
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 30.0

# Whether the records are done with; else they are handed over again, after a while that grows.
Handle = Callable[[list[RawRecord]], bool]

# A record, an error, or a batch that cannot be unpacked.
_Read = Message | Gap


class GroupReader:
    """Hands each record of a topic to `handle`, at least once, each partition in order.

    Args:
        bootstrap: `host:port,…`. group: its members share the topic's partitions. topic: what to read, committed records only.
        handle: blocking, called on the reader's thread.
        failed: told, on that thread, of what `handle` raised; the reader has ended then.
        ended: called on that thread, last.
    """

    def __init__(
        self, bootstrap: str, group: str, topic: str, handle: Handle, failed: Callable[[Exception], None],
        ended: Callable[[], None],
    ) -> None:  # fmt: skip
        self._bootstrap, self._group, self._topic = bootstrap, group, topic
        self._handle, self._failed, self._ended = handle, failed, ended
        self._stopping = threading.Event()
        self._moved = False  # partitions came or went since the last batch was fetched
        self._stray: Message | None = None  # came while nothing was to be fetched: the next batch begins with it
        self._thread = threading.Thread(target=self._run, name=group, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End after the batch under way; returns at once."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        consumer = Consumer({
            "bootstrap.servers": self._bootstrap, "group.id": self._group, "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "isolation.level": "read_committed", "enable.partition.eof": True,
            "session.timeout.ms": _SESSION_MS, "max.poll.interval.ms": _LONGEST_CALL_MS,
            "queued.max.messages.kbytes": _AHEAD_KBYTES, "fetch.queue.backoff.ms": 10, "fetch.wait.max.ms": 100,
            "fetch.error.backoff.ms": 50, "log_level": 0,
        })  # fmt: skip
        passing = PassOver(consumer, self._bootstrap)
        try:
            consumer.subscribe([self._topic], on_assign=self._rebalanced, on_revoke=self._rebalanced)
            while not self._stopping.is_set():
                self._turn(consumer, passing)
        except Exception as error:
            log.exception("a reader failed", group=self._group)
            self._failed(error)
        finally:
            consumer.close()
            self._ended()

    def _rebalanced(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._moved = True

    def _turn(self, consumer: Consumer, passing: PassOver) -> None:
        messages = self._fetched(consumer, passing)
        records = [record for record in map(_record, messages) if record is not None]
        if not records or self._done(consumer, records):
            self._commit(consumer, messages)

    def _fetched(self, consumer: Consumer, passing: PassOver) -> list[_Read]:
        messages: list[_Read] = []
        while len(messages) < BATCH:
            message, self._stray = self._stray or consumer.poll(_COMPANY_S if messages else _POLL_S), None
            if self._moved:
                # The client goes on from the committed offsets, so what was fetched before comes again; this one is new.
                messages, self._moved = [], False
                passing.forget()
                # A partition that was paused when it went is paused when it comes back.
                consumer.resume(consumer.assignment())
            if message is None:
                break
            read, gaps = passing.take([message])
            messages += [*read, *gaps]
        return messages

    def _done(self, consumer: Consumer, records: list[RawRecord]) -> bool:
        """Whether the records are done with; False where they come again, or the reader stops."""
        wait_s = RETRY_FIRST_S
        while not self._handle(records):
            if not self._stay(consumer, wait_s):
                return False
            wait_s = min(wait_s * 2, RETRY_MOST_S)
        return True

    def _stay(self, consumer: Consumer, wait_s: float) -> bool:
        """Wait as a member of the group, fetching nothing; False where the records need not be handled any more."""
        consumer.pause(consumer.assignment())
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0 and not (self._stopping.is_set() or self._moved):
            if self._stray is None:
                self._stray = consumer.poll(min(_POLL_S, left_s))
            else:
                self._stopping.wait(min(_POLL_S, left_s))
        moved, self._moved = self._moved, False
        consumer.resume(consumer.assignment())
        return not (moved or self._stopping.is_set())

    def _commit(self, consumer: Consumer, messages: Iterable[_Read]) -> None:
        ends = dict[int, int]()
        for message in messages:
            if isinstance(message, Gap):
                ends[message.partition] = message.last + 1
                continue
            partition, offset, error = int(message.partition() or 0), int(message.offset() or 0), message.error()
            if error is None:
                ends[partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                ends[partition] = offset  # past the transaction markers that no record tells of
        if ends:
            # One that is not taken, as in a rebalance, has the records come again.
            with suppress(KafkaException):
                consumer.commit(offsets=[TopicPartition(self._topic, p, end) for p, end in ends.items()])


def _record(read: _Read) -> RawRecord | None:
    if isinstance(read, Gap):
        return stand_in(read)
    return raw_record(read) if read.error() is None else None
