"""The records of the event store as they lie on its topics: keys, values and headers, put into a transaction."""

from collections.abc import Iterable

from schemas.codec import Codec
from schemas.records.log import CommandRefused, HeadsCheckpoint, IncidentEvent, IncidentSnapshot
from schemas.records.vocabulary import Millis
from state.checkpoints import checkpoint_key
from state.event_log import event_key
from state.signing import SigningKey
from state.snapshots import MARK, SnapshotRecord, mark_of
from state.transactions import Batch

_EVENTS = Codec(IncidentEvent)
_SNAPSHOTS = Codec(IncidentSnapshot)
_REFUSALS = Codec(CommandRefused)
_CHECKPOINTS = Codec(HeadsCheckpoint)


def send_events(batch: Batch, topic: str, events: Iterable[IncidentEvent], now: Millis) -> None:
    """Events, each under its version's key."""
    # Dated like the event, so that searching the log by time finds every event of that time; but never ahead of the
    # clock, which the broker would refuse: a forged event may have moved the incident's time.
    batch.send_dated(
        topic, [(event_key(e.incident_id, e.version), _EVENTS.encode(e), min(e.recorded_at, now)) for e in events]
    )


def send_refusals(batch: Batch, topic: str, refusals: Iterable[CommandRefused]) -> None:
    """Refusals, by incident."""
    for refused in refusals:
        batch.send(topic, refused.incident_id.encode(), _REFUSALS.encode(refused))


def send_snapshots(batch: Batch, topic: str, taken: Iterable[SnapshotRecord], key: SigningKey | None) -> None:
    """Snapshots, by incident, marked with the store's key where there is one."""
    for snapshot in taken:
        name, value = snapshot.snapshot.incident_id.encode(), _SNAPSHOTS.encode(snapshot.snapshot)
        headers = snapshot.headers()
        if key is not None:
            headers[MARK] = mark_of(key, name, value, headers)
        batch.send(topic, name, value, headers)


def send_checkpoint(batch: Batch, topic: str, records: Iterable[HeadsCheckpoint]) -> None:
    """The parts of a checkpoint."""
    for record in records:
        batch.send(topic, checkpoint_key(record.partition, record.part), _CHECKPOINTS.encode(record))
