"""Reads incidents' recordings out of Kafka: one pass over the topics for any number of incidents.

The journal is read whole: it says in which partitions the incidents were decided on. Of other topics only those are read, and
the incidents' own by their keys, in which everything that follows from a decision comes to lie; metrics alone are keyed by
something else, and what incidents tell each other by whom it is told to. What lies in another partition, forged or misled,
nobody has decided on: a step of the journal would name it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops.reexecution.framing import schemas_of
from ops.reexecution.recording import WITHOUT_ALERTS, Place, Recording
from ops.replay import reader
from schemas.codec import Codec, FindSchema, nothing_more
from schemas.errors import DecodeError
from schemas.records.journal import StepTaken
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from state.log_reader import RawRecord
from streams.partitioning import partition_of
from streams.topics import GROUPS, JOURNAL, METRICS, Topic

# Reading waits for the broker most of its time.
_AT_ONCE = 4
# Steps hold no settings; a declaration holds them as JSON.
_DECLARING = b'"anomaly_threshold"'

Progress = Callable[[str], None]
Clock = Callable[[], Millis]


def read_recordings(
    bootstrap: str,
    incident_ids: Collection[str],
    *,
    topics: Sequence[Topic] = WITHOUT_ALERTS,
    find: FindSchema = nothing_more,
    clock: Clock = wall_clock_ms,
) -> dict[str, Recording]:
    """What the log holds of these incidents, by id.

    Args:
        topics: which are read, the first before all others. find: schemas that records name and no history knows.

    Raises:
        StoreUnavailableError: Kafka does not answer.
    """
    read_at = clock()
    first, *others = topics
    parts = [_read(bootstrap, first, incident_ids, find)]
    decided_in = {raw.partition for raw in _steps(parts[0])}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="recordings") as pool:
        parts += pool.map(lambda topic: _read(bootstrap, topic, incident_ids, find, decided_in), others)
    begins = {place: begin for part in parts for place, begin in part.begins.items()}
    return {one: _recording(one, parts, begins, read_at, find) for one in incident_ids}


@dataclass(frozen=True, slots=True)
class _Part:
    """One topic's records by incident, and where its partitions begin."""

    topic: Topic
    found: dict[str, list[RawRecord]]
    begins: dict[Place, int]


def _recording(
    incident_id: str, parts: Sequence[_Part], begins: dict[Place, int], read_at: Millis, find: FindSchema
) -> Recording:
    records = {part.topic.name: part.found.get(incident_id, []) for part in parts}
    values = (raw.value for raws in records.values() for raw in raws)
    return Recording(incident_id, records, begins, read_at, schemas_of(values, find))


def _steps(part: _Part) -> Iterator[RawRecord]:
    """Of the journal, the incidents' own records; what else there is of it declares settings."""
    if part.topic is JOURNAL:
        for incident_id, raws in part.found.items():
            yield from (raw for raw in raws if raw.key == incident_id.encode())


def _read(
    bootstrap: str, topic: Topic, incident_ids: Collection[str], find: FindSchema, decided_in: Collection[int] = ()
) -> _Part:
    """A topic's records of the incidents; where it is keyed by them, of these partitions and those that are theirs by key."""
    part = _Part(topic, defaultdict(list), {})
    choose = _Choice(topic, incident_ids, find)
    with reader(bootstrap) as log:
        there = log.partitions(topic.name)
        if decided_in and topic not in (METRICS, GROUPS):
            theirs = {partition_of(one.encode(), len(there)) for one in incident_ids}.union(decided_in)
            there = [partition for partition in there if partition in theirs]
        bounds = {partition: log.bounds(topic.name, partition) for partition in there}
        part.begins.update({(topic.name, partition): low for partition, (low, _) in bounds.items()})
        for raw in log.read(topic.name, bounds, choose.may_be):
            for incident_id in choose.of(raw):
                part.found[incident_id].append(raw)
    return part


class _Choice:
    """Which incidents a record is of."""

    def __init__(self, topic: Topic, incident_ids: Collection[str], find: FindSchema) -> None:
        self._names = {one.encode(): one for one in incident_ids}
        self._codec: Codec[Any] = Codec(topic.record, find=find)
        self._journal = topic is JOURNAL
        self._of_two = topic is GROUPS  # what one incident tells another
        self._words = (_DECLARING,) if self._journal else tuple(self._names)

    def may_be(self, key: bytes | None, value: bytes | None) -> bool:
        """Whether a record can be of one of them; quick, so that others' are passed over by the hundred thousand."""
        if key in self._names or (key is not None and key.partition(b"/")[0] in self._names):
            return True
        return value is not None and any(word in value for word in self._words)

    def of(self, raw: RawRecord) -> list[str]:
        """By its key; else by the field `incident_id`, where the value names one at all."""
        key = (raw.key or b"").partition(b"/")[0] if raw.key not in self._names else raw.key
        keyed = [self._names[key or b""]] if key in self._names else []
        if keyed and not self._of_two:
            return keyed
        if raw.value is None:
            return []
        if self._journal:
            return list(self._names.values()) if self._declares(raw.value) else []
        named = [one for wanted, one in self._names.items() if wanted in raw.value]
        return list(dict.fromkeys([*keyed, *(one for one in named if self._is_of(raw.value, one))]))

    def _declares(self, value: bytes) -> bool:
        if _DECLARING not in value:
            return False
        try:
            declared: StepTaken = self._codec.decode(value)
        except DecodeError:
            return False
        return not declared.key

    def _is_of(self, value: bytes, incident_id: str) -> bool:
        try:
            return bool(getattr(self._codec.decode(value), "incident_id", None) == incident_id)
        except DecodeError:
            return False
