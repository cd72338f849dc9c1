"""The embedded projection: applying events, beside inserting the rows that result into an equal file.

The product reads each incident, folds its events, writes both tables, and knows events that come again. The baseline is given
the very rows and writes them in the same batches, each a transaction, with SQLite set up alike.
"""

import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.figures import Figure, Progress, interleaved, pairs
from bench.incidents import stored_events
from state.advance import by_incident
from state.incident import IncidentState, evolve
from state.migrations import read_migrations
from state.ports import StoredEvent
from state.rows import EVENT_FIELDS, event_values
from state.snapshots import state_to_json
from state.sqlite_projection import SqliteProjection

_EVENT = (
    f'INSERT INTO events (topic, "partition", "offset", {", ".join(EVENT_FIELDS)})'  # noqa: S608 - names of our own record
    f" VALUES ({', '.join('?' * (len(EVENT_FIELDS) + 3))})"
)
_INCIDENT = "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?)"

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch of events, and the rows that both tables get of it."""

    events: list[StoredEvent]
    event_rows: Rows
    incident_rows: Rows


def measure_projection(folder: Path, events: int, batch: int, rounds: int, progress: Progress) -> list[Figure]:
    """Events a second into new files in `folder`."""
    progress(f"projection: {events:,} events in batches of {batch}")
    batches = prepared(events, batch)

    def product() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            return applied_per_s(Path(place) / "projection.sqlite", batches)

    def baseline() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            return inserted_per_s(Path(place) / "plain.sqlite", batches)

    runs = interleaved(rounds, baseline, product)
    return [
        Figure("projection", f"batches of {batch}", "events/s", "sqlite3 inserts of the same rows", pairs(runs, float))
    ]


def prepared(events: int, batch: int) -> list[Prepared]:
    """So many events in batches, and what becomes of them."""
    stored, states = stored_events(events), dict[str, IncidentState]()
    return [_prepared(stored[begin : begin + batch], states) for begin in range(0, events, batch)]


def applied_per_s(file: Path, batches: Sequence[Prepared]) -> float:
    """Events a second that the projection takes into a new file.

    Raises:
        BenchError: some were not taken.
    """
    projection = SqliteProjection(file)
    try:
        began = time.perf_counter()
        taken = sum(projection.apply(batch.events) for batch in batches)
        took_s = time.perf_counter() - began
    finally:
        projection.close()
    if taken != (given := sum(len(batch.events) for batch in batches)):
        raise BenchError(f"The projection took {taken} of {given} events.")
    return taken / took_s


def inserted_per_s(file: Path, batches: Sequence[Prepared]) -> float:
    """Events a second whose rows plain inserts bring into a new file of the same schema."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        for statement in (s for step in read_migrations("sqlite") for s in step.statements):
            connection.execute(statement)
        began = time.perf_counter()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_EVENT, batch.event_rows)
            connection.executemany(_INCIDENT, batch.incident_rows)
            connection.execute("COMMIT")
        return sum(len(batch.events) for batch in batches) / (time.perf_counter() - began)
    finally:
        connection.close()


def _prepared(events: list[StoredEvent], states: dict[str, IncidentState]) -> Prepared:
    for stored in events:
        incident = stored.event.incident_id
        states[incident] = evolve(states.get(incident) or IncidentState(incident_id=incident), stored.event)
    event_rows: Rows = [(s.topic, s.partition, s.offset, *event_values(s.event)) for s in events]
    return Prepared(events, event_rows, [_incident_row(states[incident]) for incident in by_incident(events)])


def _incident_row(state: IncidentState) -> tuple[Any, ...]:
    status, updated_at = str(state.status), state.updated_at
    return state.incident_id, state.version, status, state.tenant, state.service, updated_at, state_to_json(state)
