"""Putting dead letters back, each at most once, whatever crashes in between.

A letter's messages and its mark are written in one Kafka transaction: both are there or neither. All redrives share one
transactional id, so that one that starts fences any other, and reads the marks only after that: no two can put back the
same letter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from confluent_kafka import KafkaException, Producer

from ops.dead_letters.errors import RedriveError
from ops.dead_letters.remap import Remapper
from ops.dead_letters.shelf import REDRIVEN_OF, Shelf
from ops.intake.errors import BodyRefusedError
from schemas.errors import InvalidInputError
from schemas.records.log import DeadLetter
from streams.outbox import Message
from streams.partitioning import PARTITIONER
from streams.topics import DEAD_LETTERS

TRANSACTIONAL_ID = "breakwater-redrive"
_LETTERS_A_TRANSACTION = 200
_TIMEOUT_S = 30.0
_BY_KEY = -1  # librdkafka's RD_KAFKA_PARTITION_UA

REDRIVEN, ALREADY, REFUSED = "redriven", "already", "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter: `redriven`, `already` (in an earlier redrive) or `refused` (again); why is in `detail`."""

    letter: DeadLetter
    outcome: str
    detail: str = ""


class Redrive:
    """One redrive over a cluster.

    Args:
        bootstrap: Kafka's `host:port,…`. shelf: where the letters lie. remapper: makes their messages.
        dry_run: say what would happen, write nothing.
    """

    def __init__(self, bootstrap: str, shelf: Shelf, remapper: Remapper, *, dry_run: bool = False) -> None:
        self._bootstrap = bootstrap
        self._shelf = shelf
        self._remapper = remapper
        self._dry_run = dry_run

    def run(self, reason: str | None = None, letter_id: str | None = None) -> Iterator[Outcome]:
        """Put back the letters that lie there now, of one reason, of one id, or all; says of each what became of it.

        Raises:
            RedriveError: another redrive took over, or Kafka does not take the letters; run it again.
        """
        producer = None if self._dry_run else _transactional(self._bootstrap)
        overview = self._shelf.overview()
        wanted = (
            s.letter
            for s in self._shelf.letters(overview)
            if reason in (None, s.letter.reason) and letter_id in (None, s.letter.dead_letter_id)
        )
        while group := list(islice(wanted, _LETTERS_A_TRANSACTION)):
            prepared = [self._prepared(letter, overview.redriven) for letter in group]
            if producer is not None:
                _commit(producer, [(done.letter, messages) for done, messages in prepared if done.outcome == REDRIVEN])
            yield from (outcome for outcome, _ in prepared)

    def _prepared(self, letter: DeadLetter, redriven: set[str]) -> tuple[Outcome, list[Message]]:
        if letter.dead_letter_id in redriven:
            return Outcome(letter, ALREADY), []
        # A redelivered batch may have written the same letter twice.
        redriven.add(letter.dead_letter_id)
        try:
            return Outcome(letter, REDRIVEN), self._remapper.messages(letter)
        except (InvalidInputError, BodyRefusedError) as error:
            return Outcome(letter, REFUSED, str(error)), []


def _transactional(bootstrap: str) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": TRANSACTIONAL_ID,
            "partitioner": PARTITIONER,
            "compression.type": "lz4",
            "message.max.bytes": 2 << 20,
            "log_level": 0,  # errors are told by what is raised
        }
    )
    try:
        producer.init_transactions(_TIMEOUT_S)
    except KafkaException as error:
        raise _stopped(error) from error
    return producer


def _commit(producer: Producer, letters: Iterable[tuple[DeadLetter, list[Message]]]) -> None:
    try:
        producer.begin_transaction()
        for letter, messages in letters:
            for message in messages:
                _produce(producer, message)
            mark = {REDRIVEN_OF: letter.dead_letter_id.encode()}
            _produce(producer, Message(DEAD_LETTERS.name, letter.dead_letter_id.encode(), None, headers=mark))
        producer.commit_transaction(_TIMEOUT_S)
    except KafkaException as error:
        raise _stopped(error) from error


def _produce(producer: Producer, message: Message) -> None:
    place = _BY_KEY if message.partition is None else message.partition
    headers: list[tuple[str, str | bytes | None]] = [*message.headers.items()]
    while True:
        try:
            producer.produce(message.topic, message.value, message.key, place, headers=headers)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def _stopped(error: KafkaException) -> RedriveError:
    return RedriveError(
        f"The redrive stopped: {error.args[0].str()}. Letters are put back wholly or not at all, so see that Kafka runs and "
        "that nobody else redrives, then run it again."
    )
