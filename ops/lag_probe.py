"""Asking a broker how far consumer groups have come, and looking at what they have not read."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from ops.decoding import RecordDecoder
from ops.lag import Place, Sample, Unread
from ops.lag_peek import Glimpse, Peek
from ops.offsets import last_offsets
from ops.roles import ROLES, group_of
from schemas.errors import DecodeError
from streams.errors import BrokerUnreachableError

GROUPS = tuple(group_of(role) for role in ROLES)
REPLAYS = "breakwater-replay"

_REQUEST_S = 10.0


class LagProbe:
    """Asks a broker for samples; a context manager."""

    def __init__(self, bootstrap: str, clock: Callable[[], float] = time.time) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._peek = Peek(bootstrap)
        self._decoders: dict[str, RecordDecoder] = {}

    def __enter__(self) -> "LagProbe":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._peek.close()

    def sample(
        self,
        prefixes: Iterable[str] = GROUPS,
        *,
        peek: bool = True,
        limit_s: float = float("inf"),
        incidents: bool = True,
    ) -> Sample:
        """The positions of all groups whose names begin so.

        Args:
            prefixes: beginnings of their names.
            peek: also take a look at what is unread.
            limit_s: how long that look may take a group; where it does not suffice, offsets stand for records.
            incidents: also tell which incidents wait.

        Raises:
            BrokerUnreachableError: Kafka does not answer.
        """
        try:
            groups = self._groups(tuple(prefixes))
            members = self._members(groups)
            committed = {place: offset for group in groups for place, offset in self._committed(group)}
            ends = last_offsets(self._admin, self._bootstrap, {place[1:] for place in committed})
        # While a broker restarts, the wait for an answer may end before the request does.
        except (KafkaException, TimeoutError) as error:
            raise BrokerUnreachableError(self._bootstrap) from error
        seen = self._seen(committed, ends, limit_s) if peek else {}
        unread = {place: self._told(place[1], glimpse, incidents) for place, glimpse in seen.items()}
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

    def _seen(
        self, committed: dict[Place, int], ends: dict[tuple[str, int], int], limit_s: float
    ) -> dict[Place, Glimpse]:
        found: dict[Place, Glimpse] = {}
        for group in sorted({group for group, _, _ in committed}):
            # A group at a time: two may stand at different places of one partition.
            behind = {
                place[1:]: (offset, ends[place[1:]])
                for place, offset in committed.items()
                if place[0] == group and ends.get(place[1:], 0) > offset
            }
            if behind:
                found |= {(group, *where): seen for where, seen in self._peek.look(behind, limit_s).items()}
        return found

    def _told(self, topic: str, seen: Glimpse, incidents: bool) -> Unread:
        count = len(seen.records) if seen.whole else None
        if not seen.records:
            return Unread(count)
        waiting = (self._incident(topic, message.value()) for message in (seen.records if incidents else ()))
        _, oldest = seen.records[0].timestamp()
        return Unread(count, oldest, tuple(dict.fromkeys(one for one in waiting if one)))

    def _incident(self, topic: str, value: bytes | None) -> str | None:
        decoder = self._decoders.setdefault(topic, RecordDecoder(topic))
        try:
            return getattr(decoder.record(value or b""), "incident_id", None)
        except DecodeError:
            return None
