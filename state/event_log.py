"""Reading the event store's log: the events of all incidents or of one, in the order of their partitions."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.log import HeadsCheckpoint, IncidentEvent, IncidentSnapshot
from schemas.records.vocabulary import Millis
from state.checkpoints import checkpoint_key
from state.errors import StoreUnavailableError, UnreadableEventError
from state.log_reader import LogReader, RawRecord
from state.ports import StoredEvent
from state.snapshots import SnapshotRecord, with_headers
from state.unreadable import offsets_of

EVENTS_TOPIC = "incident.events"
SNAPSHOTS_TOPIC = "incident.snapshots"
CHECKPOINTS_TOPIC = "incident.checkpoints"

_EVENTS = Codec(IncidentEvent)
_SNAPSHOTS = Codec(IncidentSnapshot)
_CHECKPOINTS = Codec(HeadsCheckpoint)

_MOST_DIGITS = 18  # of a version


@dataclass(frozen=True, slots=True)
class UnreadableEvent:
    """A record on the events' topic that is no event, or not the one that its key says.

    `incident_id` and `version` are the key's; empty and 0 where it tells neither.
    """

    incident_id: str
    version: int
    topic: str
    partition: int
    offset: int
    reason: str


def event_key(incident_id: str, version: int) -> bytes:
    """The key of an event: unique, so that compaction takes none away, and in version order when sorted."""
    return f"{incident_id}/{version:012d}".encode()


def parse_event_key(key: bytes | None) -> tuple[str, int]:
    """The incident and the version that a key names; ("", 0) where it names none."""
    incident_id, between, version = (key or b"").decode("utf-8", "replace").rpartition("/")
    known = between and version.isascii() and version.isdigit() and len(version) <= _MOST_DIGITS
    return (incident_id, int(version)) if known else ("", 0)


def event_of(raw: RawRecord) -> StoredEvent | UnreadableEvent:
    """The event in a record of the events' topic."""
    try:
        event = _EVENTS.decode(raw.value)
    except DecodeError as error:
        broken = "a batch that cannot be unpacked" if offsets_of(raw.headers) else "tombstone"
        return _unreadable(raw, broken if raw.value is None else f"{error.reason}: {error}")
    if raw.key != event_key(event.incident_id, event.version):
        return _unreadable(raw, f"wrong_key: the record is version {event.version} of {event.incident_id}")
    return StoredEvent(event, raw.topic, raw.partition, raw.offset)


def snapshot_of(raw: RawRecord) -> SnapshotRecord | None:
    """The snapshot in a record of the snapshots' topic; None where it holds none (they may all be done without)."""
    try:
        return with_headers(_SNAPSHOTS.decode(raw.value), dict(raw.headers))
    except DecodeError:
        return None


def checkpoint_of(raw: RawRecord) -> HeadsCheckpoint | None:
    """The part of a checkpoint in a record of the checkpoints' topic; None where it holds none of its partition."""
    try:
        found = _CHECKPOINTS.decode(raw.value)
    except DecodeError:
        return None
    return found if raw.key == checkpoint_key(found.partition, found.part) else None


def refuse_unreadable(found: UnreadableEvent) -> None:
    """The answer to an unreadable record where nothing may be passed over.

    Raises:
        UnreadableEventError: always.
    """
    raise UnreadableEventError(
        f"{found.topic} partition {found.partition} offset {found.offset} is no event ({found.reason}). "
        "Run `breakwater events verify` to see what else is damaged."
    )


def read_events(
    bootstrap: str,
    *,
    partitions: Sequence[int] | None = None,
    from_offsets: Mapping[int, int] | None = None,
    to_offsets: Mapping[int, int] | None = None,
    from_time: Millis | None = None,
    to_time: Millis | None = None,
    incident_id: str | None = None,
    topic: str = EVENTS_TOPIC,
    unreadable: Callable[[UnreadableEvent], None] = refuse_unreadable,
) -> Iterator[StoredEvent]:
    """Committed events up to the end that the log has when the reading starts.

    Args:
        partitions: by default all.
        from_offsets, to_offsets: by partition, the first offset and the one after the last.
        from_time, to_time: epoch ms of `recorded_at`, both belonging to the range.
        incident_id: only the events of this incident.
        unreadable: told of each record that is no event; by default the reading ends there.

    Raises:
        StoreUnavailableError: Kafka does not answer, or there is no such topic.
        UnreadableEventError: from `unreadable`.
    """
    with LogReader(bootstrap, "breakwater-event-log") as reader:
        ranges = ranges_of(reader, topic, partitions, from_offsets, to_offsets, from_time)
        for raw in reader.read(topic, ranges):
            if incident_id is not None and parse_event_key(raw.key)[0] not in (incident_id, ""):
                continue
            found = event_of(raw)
            if isinstance(found, UnreadableEvent):
                unreadable(found)
            elif _within(found.event, incident_id, from_time, to_time):
                yield found


def read_records(
    bootstrap: str, *, incidents: Collection[str] | None = None, topic: str = EVENTS_TOPIC
) -> Iterator[tuple[RawRecord, StoredEvent | UnreadableEvent]]:
    """Every committed record as it lies, and what it is; with `incidents`, of those and of nobody's key only.

    Raises:
        StoreUnavailableError: Kafka does not answer, or there is no such topic.
    """
    with LogReader(bootstrap, "breakwater-event-log") as reader:
        for raw in reader.read(topic, ranges_of(reader, topic)):
            if incidents is not None and (named := parse_event_key(raw.key)[0]) not in incidents and named:
                continue
            yield raw, event_of(raw)


def ranges_of(
    reader: LogReader,
    topic: str,
    partitions: Sequence[int] | None = None,
    from_offsets: Mapping[int, int] | None = None,
    to_offsets: Mapping[int, int] | None = None,
    from_time: Millis | None = None,
) -> dict[int, tuple[int, int]]:
    """What is to be read of each partition, as `read_events` says; by default all that there is now.

    Raises:
        StoreUnavailableError: Kafka does not answer, or there is no such topic.
    """
    there = reader.partitions(topic)
    if not there:
        raise StoreUnavailableError(f"There is no topic {topic}. `breakwater up` makes it.")
    ranges = {}
    for partition in there if partitions is None else partitions:
        low, high = reader.bounds(topic, partition)
        start = (from_offsets or {}).get(partition, low)
        if from_time is not None:
            # An event is written after it is recorded, so none of them lies before this.
            found = reader.offset_at(topic, partition, from_time)
            start = max(start, high if found is None else found)
        ranges[partition] = (start, min((to_offsets or {}).get(partition, high), high))
    return ranges


def _within(event: IncidentEvent, incident_id: str | None, from_time: Millis | None, to_time: Millis | None) -> bool:
    if incident_id is not None and event.incident_id != incident_id:
        return False
    return (from_time is None or event.recorded_at >= from_time) and (to_time is None or event.recorded_at <= to_time)


def _unreadable(raw: RawRecord, reason: str) -> UnreadableEvent:
    incident_id, version = parse_event_key(raw.key)
    return UnreadableEvent(incident_id, version, raw.topic, raw.partition, raw.offset, reason)
