"""The embedded projection: incidents and their events in one SQLite file, where there is no Cassandra."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from state.advance import Advance, advance, by_incident, report
from state.cursor import read_cursor, write_cursor
from state.incident import IncidentState
from state.ports import IncidentQuery, Page, StoredEvent
from state.rows import EVENT_FIELDS, askable, event_values, searchable, stored_event
from state.snapshots import state_from_json, state_to_json
from state.sqlite_database import SqliteDatabase

_COLUMNS = ", ".join(EVENT_FIELDS)
_INSERT_EVENT = (
    f'INSERT INTO events (topic, "partition", "offset", {_COLUMNS})'  # noqa: S608 - names of our own record
    f" VALUES ({', '.join('?' * (len(EVENT_FIELDS) + 3))})"
)
_TIMELINE = (
    f'SELECT topic, "partition", "offset", {_COLUMNS} FROM events'  # noqa: S608 - names of our own record
    " WHERE incident_id = ? AND version > ? ORDER BY version LIMIT ?"
)
_HELD = "SELECT version, hash FROM events WHERE incident_id = ? AND version BETWEEN ? AND ?"
_PUT_INCIDENT = (
    "INSERT OR REPLACE INTO incidents (incident_id, version, status, tenant, service, updated_at, state)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class SqliteProjection:
    """`state.ports.Projection` in one file; several processes may write different incidents and read at once."""

    def __init__(self, path: Path, *, busy_s: float = 30.0) -> None:
        """Open the file, or make it with the folders above it.

        Args:
            path: the file.
            busy_s: how long to wait for another process that writes.

        Raises:
            ProjectionDamagedError: the file is no projection, or broken; the message says how to rebuild it.
            ProjectionUnavailableError: the file cannot be opened.
        """
        self._database = SqliteDatabase(path, migrations="sqlite", busy_s=busy_s)

    def apply(self, events: Sequence[StoredEvent]) -> int:
        """Take events in, in one transaction; return how many were new.

        Raises:
            ProjectionGapError: a predecessor is missing; nothing of the batch was taken in.
            ProjectionConflictError: a version is held with another hash; the rest of the batch was taken in.
            ProjectionUnavailableError: no space, or the file is locked; nothing was taken in. Retry.
        """
        if not events:
            return 0
        with self._database.writing() as connection:
            steps = [_step(connection, incident_id, group) for incident_id, group in by_incident(events).items()]
            _write(connection, [step for step in steps if step.fresh])
        return report(steps)

    def incident(self, incident_id: str) -> IncidentState | None:
        """The folded state of one incident."""
        with self._database.reading() as connection:
            return _load(connection, searchable(incident_id))

    def timeline(self, incident_id: str, after_version: int = 0, limit: int = 10_000) -> list[StoredEvent]:
        """The events of one incident with a greater version, in order."""
        with self._database.reading() as connection:
            values = (searchable(incident_id), after_version, max(0, limit))
            rows = connection.execute(_TIMELINE, values).fetchall()
        return [stored_event(values, topic, partition, offset) for topic, partition, offset, *values in rows]

    def incidents(self, query: IncidentQuery) -> Page:
        """Incidents that match, the latest change first, and by id where that is equal.

        Raises:
            BadCursorError: the cursor is not one that this store gave.
        """
        query = askable(query)
        wanted, values = _where(query)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT state FROM incidents {wanted} ORDER BY updated_at DESC, incident_id DESC LIMIT ?",  # noqa: S608 - columns of our own
                (*values, query.limit + 1),
            ).fetchall()
        found = [state_from_json(text) for (text,) in rows[: query.limit]]
        more = len(rows) > query.limit
        return Page(found, write_cursor(found[-1].updated_at, found[-1].incident_id) if more else None)

    def count(self) -> int:
        """The number of events that are held."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    def clear(self) -> None:
        """Forget everything: the log has it.

        Raises:
            ProjectionUnavailableError: the file is locked; nothing was forgotten.
        """
        with self._database.writing() as connection:
            connection.execute("DELETE FROM incidents")
            connection.execute("DELETE FROM events")

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _step(connection: sqlite3.Connection, incident_id: str, events: list[StoredEvent]) -> Advance:
    def held(first: int, last: int) -> Mapping[int, str]:
        return dict(connection.execute(_HELD, (incident_id, first, last)))

    return advance(_load(connection, incident_id) or IncidentState(incident_id=incident_id), events, held)


def _write(connection: sqlite3.Connection, steps: list[Advance]) -> None:
    connection.executemany(_INSERT_EVENT, [_event_row(stored) for step in steps for stored in step.fresh])
    connection.executemany(_PUT_INCIDENT, [_incident_row(step.state) for step in steps])


def _where(query: IncidentQuery) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, Any]] = [
        ("status = ?", query.status),
        ("tenant = ?", query.tenant),
        ("service = ?", query.service),
        ("updated_at >= ?", query.since),
    ]
    wanted = [(text, [value]) for text, value in conditions if value is not None]
    if query.cursor is not None:
        wanted.append(("(updated_at, incident_id) < (?, ?)", list(read_cursor(query.cursor))))
    clause = " AND ".join(text for text, _ in wanted)
    return (f"WHERE {clause}" if clause else ""), [value for _, values in wanted for value in values]


def _load(connection: sqlite3.Connection, incident_id: str) -> IncidentState | None:
    row = connection.execute("SELECT state FROM incidents WHERE incident_id = ?", (incident_id,)).fetchone()
    return state_from_json(row[0]) if row else None


def _incident_row(state: IncidentState) -> tuple[Any, ...]:
    return (
        state.incident_id,
        state.version,
        state.status,
        state.tenant,
        searchable(state.service),
        state.updated_at,
        state_to_json(state),
    )


def _event_row(stored: StoredEvent) -> tuple[Any, ...]:
    return (stored.topic, stored.partition, stored.offset, *event_values(stored.event))
