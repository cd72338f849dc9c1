"""Asking a broker how far consumer groups have come, and looking at what they have not read."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from ops.decoding import RecordDecoder
from ops.lag import Place, Sample, Unread
from ops.replay import reader
from schemas.errors import DecodeError
from state.log_reader import LogReader, RawRecord
from streams.errors import BrokerUnreachableError

GROUPS = ("breakwater-edge", "breakwater-analysis", "breakwater-command")
REPLAYS = "breakwater-replay"

# Of the unread records, this many are looked at for the incidents that wait.
_PEEK_RECORDS = 100
# Where that many offsets hold no record, nothing is unread but transaction markers, or the age is not known.
_PEEK_OFFSETS = 1_000
_REQUEST_S = 10.0


class LagProbe:
    """Asks a broker for samples; a context manager."""

    def __init__(self, bootstrap: str, clock: Callable[[], float] = time.time) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._log: LogReader = reader(bootstrap)
        self._decoders: dict[str, RecordDecoder] = {}

    def __enter__(self) -> "LagProbe":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()

    def sample(self, prefixes: Iterable[str] = GROUPS, *, peek: bool = True) -> Sample:
        """The positions of all groups whose names begin so; with `peek`, also a look at what is unread.

        Raises:
            BrokerUnreachableError, StoreUnavailableError: Kafka does not answer.
        """
        try:
            groups = self._groups(tuple(prefixes))
            members = self._members(groups)
            committed = {place: offset for group in groups for place, offset in self._committed(group)}
            ends = self._ends({(topic, partition) for _, topic, partition in committed})
        # While a broker restarts, the wait for an answer may end before the request does.
        except (KafkaException, TimeoutError) as error:
            raise BrokerUnreachableError(self._bootstrap) from error
        unread = self._peek(committed, ends) if peek else {}
        return Sample(self._clock(), committed, ends, members, unread)

    def _groups(self, prefixes: tuple[str, ...]) -> list[str]:
        found = self._admin.list_consumer_groups(request_timeout=_REQUEST_S).result(_REQUEST_S)
        return sorted(one.group_id for one in found.valid if one.group_id.startswith(prefixes))

    def _members(self, groups: list[str]) -> dict[str, int]:
        if not groups:
            return {}
        asked = self._admin.describe_consumer_groups(groups, request_timeout=_REQUEST_S)
        return {group: len(answer.result(_REQUEST_S).members) for group, answer in asked.items()}

    def _committed(self, group: str) -> list[tuple[Place, int]]:
        asked = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=_REQUEST_S
        )
        found = asked[group].result(_REQUEST_S).topic_partitions or []
        # Faust's leader election has a topic of its own, which nobody waits for.
        return [
            ((group, tp.topic, tp.partition), tp.offset)
            for tp in found
            if tp.offset >= 0 and tp.error is None and "-__assignor" not in tp.topic
        ]

    def _ends(self, places: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
        if not places:
            return {}
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(topic, partition): latest for topic, partition in places}
        found = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_REQUEST_S
        )
        ends = {}
        for tp, answer in found.items():
            try:
                ends[tp.topic, tp.partition] = answer.result(_REQUEST_S).offset
            except KafkaException:
                continue  # the topic was deleted after the group read it: nothing of it is unread
        return ends

    def _peek(self, committed: dict[Place, int], ends: dict[tuple[str, int], int]) -> dict[Place, Unread]:
        behind = {p: offset for p, offset in committed.items() if ends.get((p[1], p[2]), 0) > offset}
        found: dict[Place, Unread] = {}
        for group, topic in sorted({(group, topic) for group, topic, _ in behind}):
            ranges = {
                p: (o, min(o + _PEEK_OFFSETS, ends[topic, p]))
                for (g, t, p), o in behind.items()
                if (g, t) == (group, topic)
            }
            records: dict[int, list[RawRecord]] = {partition: [] for partition in ranges}
            for raw in self._log.read(topic, ranges):
                if len(records[raw.partition]) < _PEEK_RECORDS:
                    records[raw.partition].append(raw)
            for partition, unread in records.items():
                whole = ranges[partition][1] == ends[topic, partition]
                found[group, topic, partition] = self._unread(topic, unread, whole)
        return found

    def _unread(self, topic: str, records: list[RawRecord], whole: bool) -> Unread:
        if not records:
            return Unread(empty=whole)
        incidents = dict.fromkeys(one for raw in records if (one := self._incident(topic, raw)))
        return Unread(empty=False, oldest=records[0].timestamp, incidents=tuple(incidents))

    def _incident(self, topic: str, raw: RawRecord) -> str | None:
        decoder = self._decoders.setdefault(topic, RecordDecoder(topic))
        try:
            return getattr(decoder.record(raw.value or b""), "incident_id", None)
        except DecodeError:
            return None
