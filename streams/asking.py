"""Asking the sequencer from outside of the workers: a command is sent, and its answer awaited on the event store's topics."""

import time
from types import TracebackType

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent
from streams.errors import BrokerUnreachableError, SilentSequencerError
from streams.partitioning import PARTITIONER, partition_of
from streams.topics import COMMANDS, CONFLICTS, EVENTS

_LOOK_UP_S = 10.0
_POLL_S = 0.2

_COMMANDS = Codec(IncidentCommand)
_EVENTS = Codec(IncidentEvent)
_REFUSALS = Codec(CommandRefused)


class Asker:
    """A `state.proposal.Ask` on Kafka; a context manager, for one thread.

    Args:
        patience_s: how long an answer is waited for.
    """

    def __init__(self, bootstrap: str, *, patience_s: float = 30.0) -> None:
        self._bootstrap, self._patience_s = bootstrap, patience_s
        common = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._producer = Producer({**common, "partitioner": PARTITIONER, "acks": "all", "enable.idempotence": True})
        self._consumer = Consumer({
            **common, "group.id": "breakwater-asking", "enable.auto.commit": False, "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
        })  # fmt: skip

    def __enter__(self) -> "Asker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def __call__(self, command: IncidentCommand) -> IncidentEvent | CommandRefused:
        """Send a command, and return the event that it became, or why it did not.

        Raises:
            BrokerUnreachableError: Kafka does not answer.
            SilentSequencerError: nobody answered in time; the command may be taken up later.
        """
        places = self._ends(command.incident_id)
        self._consumer.assign(places)
        self._producer.produce(COMMANDS.name, _COMMANDS.encode(command), command.incident_id.encode())
        if self._producer.flush(self._patience_s):
            raise BrokerUnreachableError(self._bootstrap)
        deadline = time.monotonic() + self._patience_s
        while time.monotonic() < deadline:
            message = self._consumer.poll(_POLL_S)
            answer = None if message is None or message.error() else _answer(message, command.command_id)
            if answer is not None:
                return answer
        raise SilentSequencerError(command.incident_id, self._patience_s)

    def _ends(self, incident_id: str) -> list[TopicPartition]:
        """Where the answer will be found: behind what is there now."""
        try:
            found = self._consumer.list_topics(COMMANDS.name, timeout=_LOOK_UP_S).topics[COMMANDS.name]
            partition = partition_of(incident_id.encode(), max(len(found.partitions), 1))
            places = [TopicPartition(topic.name, partition) for topic in (EVENTS, CONFLICTS)]
            for place in places:
                place.offset = self._consumer.get_watermark_offsets(place, timeout=_LOOK_UP_S)[1]
        except KafkaException as error:
            raise BrokerUnreachableError(self._bootstrap) from error
        return places


def _answer(message: Message, command_id: str) -> IncidentEvent | CommandRefused | None:
    try:
        if message.topic() == EVENTS.name:
            event = _EVENTS.decode(message.value())
            return event if event.event_id == command_id else None
        refused = _REFUSALS.decode(message.value())
    except DecodeError:
        return None  # somebody else's, whom others tell of
    return refused if refused.command_id == command_id else None
