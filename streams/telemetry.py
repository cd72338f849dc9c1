"""The producer library: hands telemetry to Kafka in batches, counts what became of every record, loses none silently.

Idempotent and acknowledged by all in-sync replicas. While the local queue is full, `send_…` waits (back-pressure).
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.records.intake import Alert, LogLine, MetricPoint, TopologyEdge
from schemas.records.log import DeadLetter
from streams.acknowledgement import Acknowledgement, OnDelivery
from streams.encoder import CodecFor, TelemetryEncoder, single_object_codec
from streams.errors import DeliveryError
from streams.outbox import Message
from streams.partitioning import PARTITIONER
from streams.quiet import quiet

_POLL_EVERY = 256  # sends; delivery reports waiting for a poll take some 100 bytes each
_POLL_S = 0.05
_FAREWELL_S = 5.0
_BY_KEY = -1  # librdkafka's RD_KAFKA_PARTITION_UA

# Records that are offered before other tasks of the loop get their turn: some 2 ms.
_GROUP = 1000

Headers = Mapping[str, bytes]
# A record's place in its batch, and the record.
Offered = tuple[int, Message]


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of the records of one producer: sent = delivered + waiting + the sum of `failed`, which is by reason.

    Those that were sent together by `delivered` count as waiting until all of them have been answered for.
    """

    sent: int
    delivered: int
    waiting: int
    failed: Mapping[str, int]


class TelemetryProducer:
    """Sends alerts, metrics, logs, edges and dead letters.

    >>> with TelemetryProducer("localhost:9092") as producer:  # doctest: +SKIP
    ...     producer.send_alerts(alerts)  # leaving the block flushes, and raises where a record was not taken
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str = "breakwater",
        queue_max_messages: int = 200_000,
        linger_ms: float = 20,
        compression: str = "lz4",
        delivery_timeout_s: float = 30.0,
        backpressure_timeout_s: float = 30.0,
        codec_for: CodecFor = single_object_codec,
        config: Mapping[str, str] | None = None,
    ) -> None:
        """A producer that connects in the background.

        Args:
            bootstrap: `host:port,…`.
            client_id: names the producer in the broker's log and quotas, and in ours.
            queue_max_messages: records that may wait here; at 400 bytes each, 200,000 are 80 MB.
            linger_ms: how long a batch waits for more records.
            compression: `lz4`, `zstd`, `snappy`, `gzip` or `none`.
            delivery_timeout_s: how long Kafka may take to acknowledge a record before it counts as failed.
            backpressure_timeout_s: how long a send waits while the queue is full.
            codec_for: makes the codec of a topic; by default single-object encoding.
            config: librdkafka's own settings on top, such as TLS and SASL.
        """
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "client.id": client_id,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": PARTITIONER,
                "compression.type": compression,
                "linger.ms": linger_ms,
                "queue.buffering.max.messages": queue_max_messages,
                "delivery.timeout.ms": int(delivery_timeout_s * 1000),
                "message.max.bytes": 2 << 20,
                **quiet(client_id),
                **(config or {}),
            }
        )
        self._encoder = TelemetryEncoder(codec_for)
        self._backpressure_timeout_s = backpressure_timeout_s
        self._queue_max_messages = queue_max_messages
        self._lock = threading.Lock()
        self._sent = 0
        self._delivered = 0
        self._failed: Counter[str] = Counter()
        self._failures_told = 0
        self._poller: threading.Thread | None = None
        self._closing = threading.Event()

    def send_alert(self, alert: Alert) -> None:
        """Queue an alert, keyed by its incident. Raises as `send_raw` does, and InvalidInputError."""
        self.send(alert)

    def send_alerts(self, alerts: Iterable[Alert]) -> int:
        """Queue alerts and return how many there were; waits where they come faster than Kafka takes them."""
        count = 0
        for count, alert in enumerate(alerts, 1):  # noqa: B007 - the last count is the answer
            self.send(alert)
        return count

    def send_metric(self, point: MetricPoint) -> None:
        """Queue a metric point, keyed by its series."""
        self.send(point)

    def send_log(self, line: LogLine) -> None:
        """Queue a log line, keyed by its incident."""
        self.send(line)

    def send_edge(self, edge: TopologyEdge) -> None:
        """Queue an edge of the service graph, keyed by tenant, environment and both ends."""
        self.send(edge)

    def send_dead_letter(self, letter: DeadLetter) -> None:
        """Queue a dead letter, keyed by its id."""
        self.send(letter)

    def send(self, record: Any) -> None:
        """Queue any of the records above.

        Raises:
            InvalidInputError: it is no telemetry, or a field holds no value of its type.
            DeliveryError: as `send_raw`.
        """
        out = self._encoder.message(record)
        self.send_raw(out.topic, out.key, out.value)

    def send_raw(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers | None = None) -> None:
        """Queue bytes as they are.

        Raises:
            DeliveryError: the queue stayed full for `backpressure_timeout_s`, or the record is too large.
        """
        deadline: float | None = None
        while not self._offer(topic, key, value, _BY_KEY, headers, self._on_delivery):
            deadline = deadline or time.monotonic() + self._backpressure_timeout_s
            if time.monotonic() > deadline:
                raise self._queue_full()
            self._producer.poll(_POLL_S)
        if self._sent % _POLL_EVERY == 0:
            self._producer.poll(0)

    def send_all_raw(self, topic: str, records: Iterable[tuple[bytes | None, bytes | None]]) -> int:
        """Queue many keys and values of a topic, in their order, and return how many; waits where they come too fast.

        Raises:
            DeliveryError: as `send_raw`; those before the one at fault are queued.
        """
        count = 0
        waiting = iter(records)
        while group := [{"key": key, "value": value} for key, value in islice(waiting, _GROUP)]:
            count += len(group)
            self._await_room(len(group))
            for record in self._queue(topic, group):
                self.send_raw(topic, record["key"], record["value"])
            self._producer.poll(0)
        return count

    async def delivered(self, records: Sequence[Any]) -> list[str | None]:
        """Send records (telemetry or `Message`) and wait until Kafka has answered for each; never blocks the event loop.

        Returns:
            For each record None where it was acknowledged, else why it was not; `_QUEUE_FULL` where the queue stayed full for
            `backpressure_timeout_s` and it was never sent.

        Raises:
            InvalidInputError: a record cannot be written; none was sent.
        """
        ready = [r if type(r) is Message else self._encoder.message(r) for r in records]
        self._poll_in_background()
        answer = Acknowledgement(ready, asyncio.get_running_loop(), self._on_deliveries)
        deadline = time.monotonic() + self._backpressure_timeout_s
        for first in range(0, len(ready), _GROUP):
            if first:
                await asyncio.sleep(0)  # others get their turn between the groups of a large batch
            group: Sequence[Offered] = [*enumerate(ready[first : first + _GROUP], first)]
            while group := self._offer_group(group, answer):
                if time.monotonic() > deadline:
                    for at, _ in group:
                        answer.failed(at, "_QUEUE_FULL")
                    break
                await asyncio.sleep(_POLL_S)
        return await answer.result()

    def flush(self, timeout_s: float = 60.0) -> DeliveryReport:
        """Wait until Kafka has answered for every record.

        Raises:
            DeliveryError: a record was not taken since the last flush, or none came of it within `timeout_s`.
        """
        waiting = self._producer.flush(timeout_s)
        report = self.report()
        failed = sum(report.failed.values())
        new, self._failures_told = failed - self._failures_told, failed
        if new or waiting:
            why = ", ".join(f"{reason}: {n}" for reason, n in report.failed.items()) or "no answer"
            silent = f"; {waiting} without an answer after {timeout_s:g} s" if waiting else ""
            raise DeliveryError(
                f"Kafka has not taken {new + waiting} of {report.sent} records ({why}{silent}). See that the broker runs "
                "(`breakwater status`) and send them again."
            )
        return report

    def report(self) -> DeliveryReport:
        """What is known now of everything that was sent."""
        self._producer.poll(0)
        with self._lock:
            waiting = self._sent - self._delivered - sum(self._failed.values())
            return DeliveryReport(self._sent, self._delivered, waiting, dict(self._failed))

    def close(self) -> None:
        """Stop the background poll; records that still wait are given up. `flush` first."""
        self._closing.set()
        if self._poller is not None:
            self._poller.join()
            self._poller = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
            else:
                # What was sent before the error still goes; why the rest did not is told by the error.
                self._producer.flush(_FAREWELL_S)
        finally:
            self.close()

    def _offer(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int,
        headers: Headers | None,
        told: OnDelivery,
    ) -> bool:
        """Put a record into the local queue; False while that is full."""
        listed: list[tuple[str, str | bytes | None]] | None = [*headers.items()] if headers else None
        try:
            self._producer.produce(topic, value, key, partition, headers=listed, on_delivery=told)
        except BufferError:
            return False
        except KafkaException as error:
            raise DeliveryError(
                f"Kafka's client refuses a record for {topic} of {len(value or b'')} bytes: "
                f"{error.args[0].str()}. Make it smaller, or send it elsewhere."
            ) from error
        with self._lock:
            self._sent += 1
        return True

    def _await_room(self, records: int) -> None:
        deadline = time.monotonic() + self._backpressure_timeout_s
        # In a full queue some records of a batch might find room that earlier ones did not: their order would be lost.
        while len(self._producer) and len(self._producer) + records > self._queue_max_messages:
            if time.monotonic() > deadline:
                raise self._queue_full()
            self._producer.poll(_POLL_S)

    def _queue(self, topic: str, group: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Put records into the local queue; returns those that it does not take."""
        queued = self._producer.produce_batch(topic, group, on_delivery=self._on_delivery)
        with self._lock:
            self._sent += queued
        return [] if queued == len(group) else [record for record in group if record.pop("_error", None) is not None]

    def _offer_group(self, group: Sequence[Offered], answer: Acknowledgement) -> Sequence[Offered]:
        """Put records into the local queue; returns those that it was too full for. Those that it refuses are answered for."""
        left: list[Offered] = []
        for topic, plain in groupby(group, _topic_of_plain):
            offered = list(plain)
            left += self._offer_plain(topic, offered, answer) if topic else self._offer_singly(offered, answer)
        return left

    def _offer_plain(self, topic: str, group: Sequence[Offered], answer: Acknowledgement) -> Sequence[Offered]:
        """Records of one topic without headers or partition, in one call of the client: half the price of one each."""
        sent = [{"key": key, "value": value} for _, (_, key, value, _, _) in group]
        queued = self._producer.produce_batch(topic, sent, on_delivery=answer.heard)
        with self._lock:
            self._sent += queued
        if queued == len(sent):
            return ()
        left = []
        for offered, tried in zip(group, sent, strict=True):
            error: Any = tried.get("_error")
            if error is None:
                continue
            if error.code() == KafkaError._QUEUE_FULL:
                left.append(offered)
            else:
                answer.failed(offered[0], str(error.name()))
        return left

    def _offer_singly(self, group: Sequence[Offered], answer: Acknowledgement) -> Sequence[Offered]:
        for number, (at, out) in enumerate(group):
            place = _BY_KEY if out.partition is None else out.partition
            try:
                if not self._offer(out.topic, out.key, out.value, place, out.headers, answer.heard):
                    return group[number:]
            except DeliveryError as error:
                answer.failed(at, str(error))
        return ()

    def _on_deliveries(self, delivered: int, failures: Sequence[str]) -> None:
        with self._lock:
            self._delivered += delivered
            self._failed.update(failures)

    def _on_delivery(self, error: KafkaError | None, _message: object) -> None:
        with self._lock:
            if error is None:
                self._delivered += 1
            else:
                self._failed[error.name()] += 1

    def _poll_in_background(self) -> None:
        if self._poller is None:
            self._poller = threading.Thread(target=self._poll, name="telemetry-poll", daemon=True)
            self._poller.start()

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_S)

    def _queue_full(self) -> DeliveryError:
        return DeliveryError(
            f"Kafka takes records more slowly than they come: the queue was full for {self._backpressure_timeout_s:g} s. "
            "See that the broker runs (`breakwater status`), and send again more slowly."
        )


def _topic_of_plain(offered: Offered) -> str:
    """The topic of a record that has neither headers nor a partition of its own; else ""."""
    out = offered[1]
    return out.topic if not out.headers and out.partition is None else ""
