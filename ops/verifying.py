"""Verifying the event store of a running Kafka, incident by incident or whole."""

from collections.abc import Callable
from dataclasses import dataclass

from state.event_log import EVENTS_TOPIC, SNAPSHOTS_TOPIC, UnreadableEvent, read_events, read_snapshots
from state.verification import Fault, Verification

_TELL_EVERY = 50_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    incidents: int
    events: int
    faults: tuple[Fault, ...]

    @property
    def verified(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify_store(
    bootstrap: str,
    *,
    incident_id: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
    events_topic: str = EVENTS_TOPIC,
    snapshots_topic: str = SNAPSHOTS_TOPIC,
) -> Verdict:
    """Read the whole log, and hold it against its own hashes and against the snapshots.

    Args:
        incident_id: only this incident.
        progress: told the number of events that were read, now and then.

    Raises:
        StoreUnavailableError: Kafka does not answer, or the topics are not there.
    """
    # Snapshots first: they are written with their events, so the log that is read after them must hold all they saw.
    snapshots = read_snapshots(bootstrap, topic=snapshots_topic)
    found = Verification()

    def unreadable(record: UnreadableEvent) -> None:
        if incident_id is None or record.incident_id in (incident_id, ""):
            found.unreadable(record)

    for stored in read_events(bootstrap, incident_id=incident_id, topic=events_topic, unreadable=unreadable):
        found.event(stored)
        if found.events % _TELL_EVERY == 0:
            progress(found.events)
    for one, taken in snapshots.items():
        if incident_id is None or incident_id == one:
            found.snapshot(taken.snapshot, taken.partition)
    return Verdict(found.incidents, found.events, tuple(found.faults()))
