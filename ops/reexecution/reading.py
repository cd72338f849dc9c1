"""Reads incidents' recordings out of Kafka: one pass over the topics for any number of incidents."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
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
from state.log_reader import RawRecord
from streams.topics import JOURNAL, Topic

# Reading waits for the broker most of its time.
_AT_ONCE = 4

Progress = Callable[[str], None]
Clock = Callable[[], Millis]


def wall_clock_ms() -> Millis:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


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
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="recordings") as pool:
        parts += pool.map(lambda topic: _read(bootstrap, topic, incident_ids, find), others)
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


def _read(bootstrap: str, topic: Topic, incident_ids: Collection[str], find: FindSchema) -> _Part:
    part = _Part(topic, defaultdict(list), {})
    choose = _Choice(topic, incident_ids, find)
    with reader(bootstrap) as log:
        there = log.partitions(topic.name)
        bounds = {partition: log.bounds(topic.name, partition) for partition in there}
        part.begins.update({(topic.name, partition): low for partition, (low, _) in bounds.items()})
        for raw in log.read(topic.name, bounds):
            for incident_id in choose.of(raw):
                part.found[incident_id].append(raw)
    return part


class _Choice:
    """Which incidents a record is of."""

    def __init__(self, topic: Topic, incident_ids: Collection[str], find: FindSchema) -> None:
        self._names = {one.encode(): one for one in incident_ids}
        self._codec: Codec[Any] = Codec(topic.record, find=find)
        self._journal = topic is JOURNAL

    def of(self, raw: RawRecord) -> list[str]:
        """By its key; else by the field `incident_id`, where the value names one at all."""
        key = (raw.key or b"").partition(b"/")[0] if raw.key not in self._names else raw.key
        if key in self._names:
            return [self._names[key or b""]]
        if raw.value is None:
            return []
        if self._journal:
            return list(self._names.values()) if self._declares(raw.value) else []
        named = [one for wanted, one in self._names.items() if wanted in raw.value]
        return [one for one in named if self._is_of(raw.value, one)]

    def _declares(self, value: bytes) -> bool:
        # Steps hold no settings; a declaration holds them as JSON.
        if b'"anomaly_threshold"' not in value:
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
