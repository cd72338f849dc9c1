"""Asking a broker how far consumer groups have come, and looking at what they have not read."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from ops.decoding import RecordDecoder
from ops.lag.judgement import Place, Sample, Unread
from ops.lag.peek import Glimpse, Peek
from ops.offsets import last_offsets
from ops.roles import ROLES, group_of
from schemas.errors import DecodeError
from streams.errors import BrokerUnreachableError

GROUPS = tuple(group_of(role) for role in ROLES)
REPLAYS = "breakwater-replay"
# Of names that begin so there are no others: all groups of the cluster.
EVERY = ("",)

_REQUEST_S = 10.0
# A group that is gone since it was listed, or that is not ours to look at, is none of the others' business.
_PASSED_OVER = frozenset({KafkaError.GROUP_ID_NOT_FOUND, KafkaError.GROUP_AUTHORIZATION_FAILED})


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
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._peek.close()

    def sample(
        self,
        prefixes: Iterable[str] = EVERY,
        *,
        peek: bool = True,
        limit_s: float = float("inf"),
        incidents: bool = True,
    ) -> Sample:
        """The positions of all groups whose names begin so; by default of every group.

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
            committed = self._committed(groups)
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
        found = {group: _answered(answer) for group, answer in asked.items()}
        return {group: len(described.members) for group, described in found.items() if described is not None}

    def _committed(self, groups: list[str]) -> dict[Place, int]:
        asked: dict[str, Any] = {}
        for group in groups:  # a request takes one group; all of them are under way together
            which = [ConsumerGroupTopicPartitions(group)]
            asked |= self._admin.list_consumer_group_offsets(which, request_timeout=_REQUEST_S)
        found = {group: _answered(answer) for group, answer in asked.items()}
        # Faust's leader election has a topic of its own, which nobody waits for.
        return {
            (group, tp.topic, tp.partition): tp.offset
            for group, told in found.items()
            for tp in (told.topic_partitions if told is not None else None) or []
            if tp.offset >= 0 and tp.error is None and "-__assignor" not in tp.topic
        }

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


def _answered(answer: Any) -> Any:
    """What was asked for; None of a group that is passed over."""
    try:
        return answer.result(_REQUEST_S)
    except KafkaException as error:
        if error.args[0].code() in _PASSED_OVER:
            return None
        raise
