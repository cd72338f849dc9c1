"""The snapshots as they lie on their topic."""

from schemas.records.log import IncidentSnapshot
from state.event_log import ranges_of, snapshot_of
from state.log_reader import LogReader


def read_snapshots(bootstrap: str, topic: str) -> dict[str, IncidentSnapshot]:
    """The newest snapshot of each incident."""
    newest: dict[str, IncidentSnapshot] = {}
    with LogReader(bootstrap, "snapshots-test") as reader:
        for raw in reader.read(topic, ranges_of(reader, topic)):
            found = snapshot_of(raw)
            if found is not None:
                newest[found.snapshot.incident_id] = found.snapshot
    return newest
