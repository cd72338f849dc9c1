"""The log as it counts for the holder of the store's key: what a signed repair replaced is left out."""

from collections.abc import Callable, Collection, Iterator

from state.event_log import (
    EVENTS_TOPIC,
    UnreadableEvent,
    event_of,
    parse_event_key,
    ranges_of,
    refuse_unreadable,
)
from state.log_reader import LogReader
from state.ports import StoredEvent
from state.repairs import is_repair

PROGRESS_EVERY = 10_000


def last_repairs(
    reader: LogReader, topic: str, ranges: dict[int, tuple[int, int]], trusted: Collection[bytes]
) -> dict[bytes, int]:
    """The last repair of each version in these pieces of the log: its offset, by the record's key."""
    return {raw.key or b"": raw.offset for raw in reader.read(topic, ranges) if is_repair(raw, trusted)}


def read_repaired(
    bootstrap: str,
    trusted: Collection[bytes],
    *,
    incident_id: str | None = None,
    topic: str = EVENTS_TOPIC,
    unreadable: Callable[[UnreadableEvent], None] = refuse_unreadable,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[StoredEvent]:
    """Events as `state.event_log.read_events` has them, without those that were repaired since.

    A repair lies behind its version's successors: who folds what is read puts it in order (`state.rebuild`). The log is read
    twice, the first time for its headers alone.

    Args:
        trusted: public keys whose repairs count; with none, all records do.
        incident_id: only this incident's events. progress: told how many records were read, now and then.

    Raises:
        StoreUnavailableError: Kafka does not answer, or there is no such topic.
        UnreadableEventError: from `unreadable`.
    """
    with LogReader(bootstrap, "breakwater-event-log") as reader:
        ranges = ranges_of(reader, topic)
        repairs = last_repairs(reader, topic, ranges, trusted) if trusted else {}
        for count, raw in enumerate(reader.read(topic, ranges), 1):
            if count % PROGRESS_EVERY == 0:
                progress(count)
            if incident_id is not None and parse_event_key(raw.key)[0] not in (incident_id, ""):
                continue
            if raw.offset < repairs.get(raw.key or b"", -1):
                continue
            found = event_of(raw)
            if isinstance(found, UnreadableEvent):
                unreadable(found)
            elif incident_id in (None, found.event.incident_id):
                yield found
