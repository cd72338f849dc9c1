"""The embedded projection: applying events, beside inserting the rows that result into an equal file.

The product reads each incident, folds its events, writes both tables, and knows events that come again. The baseline is given
the very rows and writes them in the same batches, each a transaction, with SQLite set up alike.
"""

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, Progress, pairs
from ops.bench.errors import BenchError
from ops.bench.incidents import stored_events
from ops.bench.stopwatch import Stopwatch, Timings, set_aside
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
    """Events a second, and a processor second, into new files in `folder`."""
    progress(f"projection: {events:,} events in batches of {batch}")
    batches = prepared(events, batch)
    set_aside()
    runs = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            runs.append(_round(Path(place), batches))
    what, against = f"batches of {batch}", "sqlite3 inserts of the same rows"
    return [
        Figure("projection", what, "events/s", against, pairs(runs, lambda r: r.events_per_s)),
        Figure("projection", what, "events/CPU-s", against, pairs(runs, lambda r: r.events_per_cpu_s)),
    ]


def prepared(events: int, batch: int) -> list[Prepared]:
    """So many events in batches, and what becomes of them."""
    stored, states = stored_events(events), dict[str, IncidentState]()
    return [_prepared(stored[begin : begin + batch], states) for begin in range(0, events, batch)]


def _round(folder: Path, batches: Sequence[Prepared]) -> tuple[Timings, Timings]:
    """Batch by batch in turns, each into a file of its own."""
    product, baseline, taken = Stopwatch(), Stopwatch(), 0
    given = sum(len(batch.events) for batch in batches)
    projection = SqliteProjection(folder / "projection.sqlite")
    try:
        with closing(_plain(folder / "plain.sqlite")) as connection:
            for batch in batches:
                with product.lap():
                    taken += projection.apply(batch.events)
                with baseline.lap():
                    _insert(connection, batch)
    finally:
        projection.close()
    if taken != given:
        raise BenchError(f"The projection took {taken} of {given} events.")
    return baseline.timings(given), product.timings(given)


def _plain(file: Path) -> sqlite3.Connection:
    """A new file of the projection's schema, set up as the projection has it."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    for statement in (s for step in read_migrations("sqlite") for s in step.statements):
        connection.execute(statement)
    return connection


def _insert(connection: sqlite3.Connection, batch: Prepared) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_EVENT, batch.event_rows)
    connection.executemany(_INCIDENT, batch.incident_rows)
    connection.execute("COMMIT")


def _prepared(events: list[StoredEvent], states: dict[str, IncidentState]) -> Prepared:
    for stored in events:
        incident = stored.event.incident_id
        states[incident] = evolve(states.get(incident) or IncidentState(incident_id=incident), stored.event)
    event_rows: Rows = [(s.topic, s.partition, s.offset, *event_values(s.event)) for s in events]
    return Prepared(events, event_rows, [_incident_row(states[incident]) for incident in by_incident(events)])


def _incident_row(state: IncidentState) -> tuple[Any, ...]:
    status, updated_at = str(state.status), state.updated_at
    return state.incident_id, state.version, status, state.tenant, state.service, updated_at, state_to_json(state)
