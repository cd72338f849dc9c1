"""Kafka transactions under one `transactional.id`: all of a batch or nothing, by one owner at a time.

What fails in a way that Kafka says can be tried again is aborted and tried again, until patience ends.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.records.vocabulary import Millis
from state.errors import FencedError, StoreUnavailableError

T = TypeVar("T")

# What the broker says to an owner who is no longer.
_FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
# What a broker that has just started says, and librdkafka does not count as to be tried again.
_PASSING = frozenset({
    KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.CONCURRENT_TRANSACTIONS,
})  # fmt: skip
# A transaction that its owner left lying holds up readers no longer than this.
_TRANSACTION_LIMIT_MS = 30_000
_MAX_MESSAGE_BYTES = 2 << 20
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_CLOSE_S = 5.0


class _UndeliveredError(Exception):
    """A record of the batch did not arrive; the batch must be aborted."""


class _Arrivals:
    """A batch's records for one topic: how many were sent, and where those lie that have arrived."""

    def __init__(self) -> None:
        self.sent = 0
        self.error = ""
        self._offsets: list[int] = []

    def heard(self, error: KafkaError | None, message: Message) -> None:
        """Take a record's delivery report."""
        if error is None:
            self._offsets.append(message.offset() or 0)
        else:
            self.error = str(error)

    def offsets(self) -> list[int]:
        """The offsets in the order of sending: an idempotent producer keeps it within a partition, whatever it sends again.

        Raises:
            _UndeliveredError: a record did not arrive.
        """
        if self.error or len(self._offsets) != self.sent:
            raise _UndeliveredError(self.error or "a record's offset was not told")
        return sorted(self._offsets)


class Batch:
    """The records of one transaction; made by `Transactions.run`."""

    def __init__(self, producer: Producer, partition: int, deadline: float) -> None:
        self._producer = producer
        self._partition = partition
        self._deadline = deadline
        self._arrivals: defaultdict[str, _Arrivals] = defaultdict(_Arrivals)

    def send(self, topic: str, key: bytes, value: bytes, headers: Mapping[str, bytes] | None = None) -> None:
        """Add a record that is dated now."""
        arrivals = self._arrivals[topic]
        arrivals.sent += 1
        with_headers: Any = list(headers.items()) if headers else None
        self._produce(topic, value, key, self._partition, arrivals.heard, headers=with_headers)

    def send_dated(self, topic: str, records: Iterable[tuple[bytes, bytes, Millis]]) -> None:
        """Add records: key, value, epoch ms."""
        arrivals, produce, partition = self._arrivals[topic], self._producer.produce, self._partition
        heard = arrivals.heard  # one for all: a function a record costs more than the rest of handing it over
        for key, value, dated in records:
            arrivals.sent += 1
            try:
                produce(topic, value, key, partition, heard, timestamp=dated)
            except BufferError:
                self._wait()
                self._produce(topic, value, key, partition, heard, timestamp=dated)

    def offsets(self, topic: str) -> list[int]:
        """The offsets of the topic's records that were sent so far, in the order of sending, once all have arrived."""
        self.arrive()
        return self._arrivals[topic].offsets()

    def arrive(self) -> None:
        """Return once all records that were sent so far have arrived.

        Raises:
            _UndeliveredError: one did not.
        """
        self._wait()
        for arrivals in self._arrivals.values():
            arrivals.offsets()

    def _produce(self, *record: Any, **more: Any) -> None:
        while True:
            try:
                self._producer.produce(*record, **more)
            except BufferError:
                # The producer's queue is full: the broker is slower than we are.
                self._wait()
            else:
                return

    def _wait(self) -> None:
        try:
            waiting = self._producer.flush(max(self._deadline - time.monotonic(), 0.1))
        except SystemError as error:
            # confluent-kafka loses what a fatal error in a flush was; aborting tells it.
            raise _UndeliveredError(f"the producer failed: {error}") from error
        if waiting:
            raise _UndeliveredError(f"{waiting} records were not taken in time")


class Transactions:
    """The owner of one partition's writing.

    Args:
        transactional_id: whoever opens it last is the owner.
        partition: the partition of all topics that is written to.
        patience_s: how long one opening or one transaction may take, with all its tries.
    """

    def __init__(self, bootstrap: str, transactional_id: str, partition: int, patience_s: float) -> None:
        self._bootstrap = bootstrap
        self._partition = partition
        self._patience_s = patience_s
        self._last_error = ""
        self._producer = Producer({
            "bootstrap.servers": bootstrap,
            "client.id": transactional_id,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": _TRANSACTION_LIMIT_MS,
            "message.max.bytes": _MAX_MESSAGE_BYTES,
            "compression.type": "lz4",
            "linger.ms": 0,  # a batch is flushed at once, there is nothing to wait for
            "error_cb": self._heard,
            "log_level": 0,  # its errors are told by error_cb
        })  # fmt: skip

    def open(self) -> None:
        """Become the owner: whoever was it before can no longer write, and what it left unfinished is aborted.

        Raises:
            StoreUnavailableError: Kafka does not answer.
            FencedError: another one became the owner in the same moment.
        """
        deadline = time.monotonic() + self._patience_s
        self._until_done(self._producer.init_transactions, deadline)

    def run(self, write: Callable[[Batch], T]) -> T:
        """Call `write` within a transaction, and commit it; `write` may be called several times.

        Raises:
            FencedError: another one is the owner; nothing was written.
            StoreUnavailableError: it could not be done in time; whether it was is not known.
        """
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return self._once(write, deadline)
            except (KafkaException, _UndeliveredError) as error:
                self._abort_or_give_up(error, deadline)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def run_aborted(self, write: Callable[[Batch], T]) -> None:
        """Call `write` within a transaction, and abort it once its records have arrived.

        Raises:
            FencedError, StoreUnavailableError: as `run` does.
        """
        deadline = time.monotonic() + self._patience_s
        try:
            self._producer.begin_transaction()
            batch = Batch(self._producer, self._partition, deadline)
            write(batch)
            batch.arrive()
        except (KafkaException, _UndeliveredError) as error:
            self._abort_or_give_up(error, deadline)
        else:
            self._until_done(self._producer.abort_transaction, deadline)

    def close(self) -> None:
        """Abort what is under way, as far as Kafka answers soon; the connections end with the object.

        The producer's own `close` is not used: it waits without limit for a broker that does not answer.
        """
        try:
            self._producer.abort_transaction(_CLOSE_S)
        except KafkaException:
            # There is none, we are fenced, or Kafka does not answer: the next owner's opening aborts it.
            self._producer.purge()

    def _once(self, write: Callable[[Batch], T], deadline: float) -> T:
        self._producer.begin_transaction()
        batch = Batch(self._producer, self._partition, deadline)
        result = write(batch)
        batch.arrive()
        self._until_done(self._producer.commit_transaction, deadline)
        return result

    def _abort_or_give_up(self, error: KafkaException | _UndeliveredError, deadline: float) -> None:
        reason = error.args[0]
        # Producing after a fatal error says no more than that; what it was, aborting says.
        if isinstance(reason, KafkaError) and reason.code() != KafkaError._FATAL:
            self._raise_if_lost(reason, error)
            if not (reason.txn_requires_abort() or reason.retriable()):
                raise self._unavailable(reason.str()) from error
        if time.monotonic() >= deadline:
            raise self._unavailable(_text(reason)) from error
        try:
            self._until_done(self._producer.abort_transaction, deadline)
        except KafkaException as failed:
            self._raise_if_lost(failed.args[0], failed)
            raise self._unavailable(failed.args[0].str()) from failed

    def _until_done(self, request: Callable[[float], None], deadline: float) -> None:
        """Repeat a request that goes on where it timed out."""
        while True:
            try:
                request(max(min(deadline - time.monotonic(), _LONGEST_PAUSE_S), 0.1))
            except KafkaException as error:
                reason = error.args[0]
                self._raise_if_lost(reason, error)
                if reason.txn_requires_abort():
                    raise
                passing = reason.retriable() or reason.code() in _PASSING
                if not passing or time.monotonic() >= deadline:
                    raise self._unavailable(reason.str()) from error
                time.sleep(_FIRST_PAUSE_S)
            else:
                return

    def _raise_if_lost(self, reason: KafkaError, error: Exception) -> None:
        if reason.code() in _FENCED:
            raise FencedError(self._partition) from error
        if reason.fatal():
            raise self._unavailable(reason.str()) from error

    def _heard(self, error: KafkaError) -> None:
        self._last_error = error.str()

    def _unavailable(self, why: str) -> StoreUnavailableError:
        heard = f" ({self._last_error})" if self._last_error else ""
        return StoreUnavailableError(
            f"Kafka at {self._bootstrap} did not take a batch of events for partition {self._partition}: {why}{heard}. "
            "See that it runs (`breakwater kafka status`); then open the writer anew."
        )


def _text(reason: KafkaError | str) -> str:
    return reason if isinstance(reason, str) else reason.str()
