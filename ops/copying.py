"""Copying records to another topic: the same bytes, keys and headers, and a header that says where each came from."""

from confluent_kafka import KafkaError, Message, Producer

from schemas.errors import InvalidInputError
from state.event_log import EVENTS_TOPIC, SNAPSHOTS_TOPIC
from state.log_reader import LogReader, RawRecord
from streams.errors import DeliveryError
from streams.partitioning import PARTITIONER
from streams.topics import BY_NAME, INTAKE

REPLAYED_FROM = "replayed-from"

_FLUSH_S = 30.0
_BY_KEY = -1  # librdkafka's word for: let the partitioner choose


def refuse_unsafe_copy(log: LogReader, topic: str, to_topic: str) -> None:
    """Check that a copy may be made.

    Raises:
        InvalidInputError: the target is the source, written by a stage or the sequencer alone, or not there.
        StoreUnavailableError: Kafka does not answer.
    """
    if to_topic == topic:
        raise InvalidInputError(f"{topic} cannot be copied onto itself. Name another topic.")
    if to_topic in (EVENTS_TOPIC, SNAPSHOTS_TOPIC):
        raise InvalidInputError(
            f"{to_topic} is written by its sequencer alone; a copy there would fork the chains. Name another topic."
        )
    if to_topic in BY_NAME and BY_NAME[to_topic] not in INTAKE:
        raise InvalidInputError(f"{to_topic} is written by Breakwater's own stages alone. Name another topic.")
    if not log.partitions(to_topic):
        raise InvalidInputError(f"There is no topic {to_topic!r}. Make it first, with as many partitions as {topic}.")


class Copier:
    """Writes records to a topic. Where it has as many partitions as the source, each record keeps its partition."""

    def __init__(self, bootstrap: str, to_topic: str, *, keep_partitions: bool) -> None:
        self._topic = to_topic
        self._keep = keep_partitions
        self._failure: KafkaError | None = None
        self.delivered = 0
        self._producer = Producer({
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "message.max.bytes": 2 << 20,
            "partitioner": PARTITIONER,
            "log_level": 0,  # errors come with the delivery
        })  # fmt: skip

    def write(self, raw: RawRecord) -> None:
        """Hand a record over; waits where Kafka is slower than the reading.

        Raises:
            DeliveryError: an earlier record was not taken.
        """
        self._raise_failure()
        source = f"{raw.topic}/{raw.partition}/{raw.offset}".encode()
        headers: list[tuple[str, str | bytes | None]] = [*raw.headers, (REPLAYED_FROM, source)]
        partition = raw.partition if self._keep else _BY_KEY
        while True:
            try:
                self._producer.produce(
                    self._topic, raw.value, raw.key, partition, headers=headers, on_delivery=self._told
                )
            except BufferError:
                self._producer.poll(0.5)
                self._raise_failure()
            else:
                break
        self._producer.poll(0)

    def finish(self) -> None:
        """Return when all has been taken.

        Raises:
            DeliveryError: something was not.
        """
        left = self._producer.flush(_FLUSH_S)
        self._raise_failure()
        if left:
            raise DeliveryError(
                f"{left} records were not taken by {self._topic} within {_FLUSH_S:.0f} s. Is Kafka there?"
            )

    def _told(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.delivered += 1
        else:
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise DeliveryError(
                f"{self._topic} did not take a record: {self._failure.str()}. {self.delivered} were copied before."
            )
