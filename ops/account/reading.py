"""Reads what `breakwater account` compares: the raw topic, the account's events, sampled copies and dead letters."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from agents.sampling.columns import AlertDecoder
from agents.sampling.rules import SamplingRules
from ops.account.comparison import AccountedFor, Evidence
from ops.account.recount import GivenUp, Recount
from ops.account.totals import accounts
from ops.offsets import REQUEST_S
from ops.roles import group_of
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.log import DeadLetter
from state.log_reader import LogReader, RawRecord
from state.unreadable import UNREADABLE_BATCH, offsets_of_letter
from streams.errors import BrokerUnreachableError
from streams.topics import ACCOUNT, ALERTS, DEAD_LETTERS, SAMPLED

# Records handed to the recount at once.
_PIECE = 20_000


@dataclass(frozen=True, slots=True)
class AccountTopics:
    """The names of the topics that are compared, and the group that sampling commits by."""

    alerts: str = ALERTS.name
    account: str = ACCOUNT.name
    sampled: str = SAMPLED.name
    dead_letters: str = DEAD_LETTERS.name
    group: str = group_of("edge")


def gather(bootstrap: str, decoder: AlertDecoder, rules: SamplingRules, topics: AccountTopics) -> Evidence:
    """Read everything up to the ends as they are now.

    Raises:
        BrokerUnreachableError, StoreUnavailableError: Kafka does not answer.
    """
    until = _committed(bootstrap, topics)  # before the account is read: what is committed was told of
    with LogReader(bootstrap, "breakwater-account") as log:
        letters = _Letters(topics)
        letters.read(log)
        said = _accounted(log, topics.account)
        ends = {p: log.bounds(topics.alerts, p) for p in log.partitions(topics.alerts)}
        given_up = [batch for batch in letters.given_up if batch.last >= ends.get(batch.partition, (0, 0))[0]]
        recount = Recount(decoder, rules, until, said.upto, given_up)
        lost = sum(low for low, _ in ends.values())
        pieces: dict[int, list[RawRecord]] = defaultdict(list)
        for record in log.read(topics.alerts, ends):
            piece = pieces[record.partition]
            piece.append(record)
            if len(piece) >= _PIECE:
                recount.take(record.partition, piece)
                piece.clear()
        for partition, piece in pieces.items():
            recount.take(partition, piece)
        found = Evidence(recount.end(), said.windows(), lost=lost)
        _forwarded(log, topics.sampled, found)
        letters.read(log)  # those of what the account told of meanwhile
        found.letters = letters.count
    return found


class _Letters:
    """The dead letters of the raw topic, as far as they were read; one record is one dead letter.

    Attributes:
        given_up: the batches that sampling could not unpack.
    """

    def __init__(self, topics: AccountTopics) -> None:
        self._topics = topics
        self._codec = Codec(DeadLetter)
        self._read: dict[int, int] = {}
        self._seen: set[tuple[int, int]] = set()
        self.given_up: set[GivenUp] = set()

    @property
    def count(self) -> int:
        return len(self._seen)

    def read(self, log: LogReader) -> None:
        """On from where the reading ended, to the ends as they are now."""
        topic = self._topics.dead_letters
        bounds = {p: log.bounds(topic, p) for p in log.partitions(topic)}
        for record in log.read(topic, {p: (self._read.get(p, low), end) for p, (low, end) in bounds.items()}):
            try:
                letter = self._codec.decode(record.value)
            except DecodeError:
                continue
            if letter.topic == self._topics.alerts:
                self._take(letter)
        self._read = {p: end for p, (_, end) in bounds.items()}

    def _take(self, letter: DeadLetter) -> None:
        self._seen.add((letter.partition, letter.offset))
        span = offsets_of_letter(letter.headers, letter.offset) if letter.reason == UNREADABLE_BATCH else None
        if span is not None:
            self.given_up.add(GivenUp(letter.partition, span[0], span[-1], letter.occurred_at))


def _all(log: LogReader, topic: str) -> Iterator[RawRecord]:
    return log.read(topic, {p: log.bounds(topic, p) for p in log.partitions(topic)})


def _accounted(log: LogReader, topic: str) -> AccountedFor:
    said = AccountedFor()
    for account in accounts(_all(log, topic)):
        said.take(account)
    return said


def _forwarded(log: LogReader, topic: str, found: Evidence) -> None:
    # After a crash an alert may be forwarded again: it is one alert, by where it came from and what it says.
    seen: set[int] = set()
    for record in _all(log, topic):
        headers = dict(record.headers)
        origin = headers.get("source-offset")
        partition = headers.get("source-partition") or b"%d" % record.partition
        mark = hash((partition, origin, record.value))
        if origin is not None and mark not in seen:  # without it, it is no copy of sampling's
            seen.add(mark)
            found.forwarded[(record.key or b"").decode(errors="replace")] += 1


def _committed(bootstrap: str, topics: AccountTopics) -> dict[int, int]:
    """Up to where sampling is done with each partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    asked = [ConsumerGroupTopicPartitions(topics.group)]
    try:
        known = admin.list_consumer_groups(request_timeout=REQUEST_S).result(REQUEST_S).valid
        if topics.group not in {group.group_id for group in known}:
            return {}  # librdkafka 2.16 crashes when it is asked for a group whose coordinator is not there yet
        places = admin.list_consumer_group_offsets(asked, request_timeout=REQUEST_S)[topics.group].result(REQUEST_S)
    except (KafkaException, TimeoutError) as error:
        raise BrokerUnreachableError(bootstrap) from error
    found = places.topic_partitions or []
    return {tp.partition: tp.offset for tp in found if tp.topic == topics.alerts and tp.offset >= 0}
