"""The projection in Cassandra: partitioned by incident, and by what incidents are asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from cassandra.query import BatchStatement, BatchType

from state.advance import Advance, advance, by_incident, report
from state.cassandra_session import CassandraSession
from state.cassandra_statements import CassandraStatements
from state.cursor import read_cursor, write_cursor
from state.facets import Entry, Facet, day_of, entry_of, narrowest
from state.incident import IncidentState, evolve
from state.ports import IncidentQuery, Page, StoredEvent
from state.rows import FIRST_MS, LAST_MS, askable, event_values, searchable, stored_event
from state.snapshots import state_from_json, state_to_json

_MOST_ROWS = 2**31 - 1
# Days that are looked through at once, after the newest: quiet services have nothing in most of them.
_DAYS_AT_ONCE = 16
# Most pages have other conditions too, so a small page is not asked for in small pieces.
_LEAST_ROWS = 50
# Of one incident in one request: with payloads of 256 KiB it has 1.5 MB at most, of the 16 MB that Cassandra takes.
_EVENTS_A_REQUEST, _CHARS_A_REQUEST = 100, 100_000
# States first: an incident without its state is one that was never heard of.
_TABLES = ("incidents", "incidents_by_facet", "facet_days", "events")


class CassandraProjection:
    """`state.ports.Projection` in a keyspace.

    Order of writes: events, lists, state; so a crash leaves the state behind the events, and the next events of the incident
    (new or delivered again) complete it. Until then, and where two workers wrote one incident, a list may hold an entry of
    an old version too: readers know it by that.
    """

    def __init__(
        self, contact_points: str, *, keyspace: str = "breakwater", replication: int = 1, timeout_s: float = 10.0
    ) -> None:
        """Connect; make the keyspace and its tables where they are not there.

        Args:
            contact_points: `host:port,…` of some nodes.
            keyspace: its name.
            replication: copies in each data centre, of a keyspace that is made.
            timeout_s: how long one request may take.

        Raises:
            ProjectionUnavailableError: no node answers.
        """
        self._session = CassandraSession(
            contact_points, keyspace, migrations="cassandra", replication=replication, timeout_s=timeout_s
        )
        self._statements = CassandraStatements(self._session)

    def apply(self, events: Sequence[StoredEvent]) -> int:
        """Take events in; return how many were new.

        Raises:
            ProjectionGapError: a predecessor is missing; nothing of the batch was taken in.
            ProjectionConflictError: a version is held with another hash; the rest of the batch was taken in.
            ProjectionUnavailableError: not all could be written; the same batch again completes it.
        """
        groups = by_incident(events)
        before = self._states(groups)
        ahead = self._healed({incident_id: before.get(incident_id) for incident_id in groups})
        steps = [self._step(ahead[incident_id], group) for incident_id, group in groups.items()]
        self._write(steps, before)
        return report(steps)

    def incident(self, incident_id: str) -> IncidentState | None:
        """The folded state of one incident."""
        asked = searchable(incident_id)
        return self._states([asked]).get(asked)

    def timeline(self, incident_id: str, after_version: int = 0, limit: int = 10_000) -> list[StoredEvent]:
        """The events of one incident with a greater version, in order."""
        if limit < 1:
            return []
        values = (searchable(incident_id), after_version, min(limit, _MOST_ROWS))
        return [_stored(row) for row in self._session.rows(self._statements.timeline, values)]

    def incidents(self, query: IncidentQuery) -> Page:
        """Incidents that match, the latest change first, and by id where that is equal.

        Raises:
            BadCursorError: the cursor is not one that this store gave.
        """
        query = askable(query)
        limit = query.limit
        entries = (entry for entry in self._entries(query) if entry.matches(query))
        found = list(islice(self._current(entries, limit + 1), limit + 1))
        shown = found[:limit]
        last = shown[-1][0] if len(found) > limit else None
        return Page([state for _, state in shown], write_cursor(last.updated_at, last.incident_id) if last else None)

    def count(self) -> int:
        """The number of events that are held: versions count from 1, without gaps."""
        return sum(row.version for row in self._session.rows(self._statements.versions))

    def clear(self) -> None:
        """Forget everything: the log has it.

        Raises:
            ProjectionUnavailableError: not all of it is gone; do it again.
        """
        for table in _TABLES:
            self._session.run(f"TRUNCATE {table}")

    def drop(self) -> None:
        """Remove the keyspace, and give the connections back."""
        self._session.drop_keyspace()
        self._session.close()

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _states(self, ids: Iterable[str]) -> dict[str, IncidentState]:
        rows = self._session.together((self._statements.state, (incident_id,)) for incident_id in ids)
        states = [state_from_json(row.state) for found in rows for row in found]
        return {state.incident_id: state for state in states}

    def _healed(self, states: Mapping[str, IncidentState | None]) -> dict[str, IncidentState]:
        """The states with the events that were written after them, where a crash came between."""
        heads = {key: state or IncidentState(incident_id=key) for key, state in states.items()}
        tails = self._session.together(
            (self._statements.timeline, (head.incident_id, head.version, _MOST_ROWS)) for head in heads.values()
        )
        return {key: _fold_on(head, map(_stored, tail)) for (key, head), tail in zip(heads.items(), tails, strict=True)}

    def _step(self, state: IncidentState, events: list[StoredEvent]) -> Advance:
        def held(first: int, last: int) -> Mapping[int, str]:
            rows = self._session.rows(self._statements.hashes, (state.incident_id, first, last))
            return {row.version: row.hash for row in rows}

        return advance(state, events, held)

    def _write(self, steps: list[Advance], before: Mapping[str, IncidentState]) -> None:
        self._session.together((self._put(some), ()) for step in steps for some in _requests(step.fresh))
        moved = [step.state for step in steps if step.state.version > _version(before.get(step.state.incident_id))]
        self._session.together((self._move(before.get(s.incident_id), s), ()) for s in moved)
        self._session.together(
            (self._statements.put_state, (s.incident_id, s.version, state_to_json(s), s.version)) for s in moved
        )

    def _put(self, events: Sequence[StoredEvent]) -> BatchStatement:
        """Events of one incident, so of one row of Cassandra's: written as one, without a log of batches."""
        batch = BatchStatement(BatchType.UNLOGGED)
        for stored in events:
            batch.add(self._statements.put_event, _event_row(stored))
        return batch

    def _move(self, before: IncidentState | None, state: IncidentState) -> BatchStatement:
        """From the lists of one state to those of a later one, all of it or nothing."""
        entry = entry_of(state)
        batch = BatchStatement(BatchType.LOGGED)
        for facet in entry.facets:
            batch.add(self._statements.put_day, (facet.name, facet.value, entry.day, entry.version))
            batch.add(self._statements.put_entry, (*_place(facet, entry), *_content(entry), entry.version))
        for place in _places(before) - _places(state):
            batch.add(self._statements.drop_entry, (entry.version, *place))
        return batch

    def _entries(self, query: IncidentQuery) -> Iterator[Entry]:
        """What one list holds from the cursor on, newest first."""
        end = read_cursor(query.cursor) if query.cursor is not None else (LAST_MS, "")
        since = FIRST_MS if query.since is None else query.since
        facet = narrowest(query)
        days = [row.day for row in self._session.rows(self._statements.days, (facet.name, facet.value))]
        wanted = [day for day in days if day_of(since) <= day <= day_of(end[0])]
        for group in _groups(wanted):
            yield from self._of_days(facet, group, end, since, query.limit)

    def _of_days(self, facet: Facet, days: list[int], end: tuple[int, str], since: int, limit: int) -> Iterator[Entry]:
        # Some at once of every day; then, where a day has more, the rest of it before the next day.
        most = min(max(limit, _LEAST_ROWS), 1_000) + 1
        pages = self._session.together(
            (self._statements.entries, (facet.name, facet.value, day, *end, since, most)) for day in days
        )
        for day, page in zip(days, pages, strict=True):
            rows = page
            while rows:
                yield from map(_entry, rows)
                last = (rows[-1].updated_at, rows[-1].incident_id)
                values = (facet.name, facet.value, day, *last, since, most)
                rows = list(self._session.rows(self._statements.entries, values)) if len(rows) == most else []

    def _current(self, entries: Iterator[Entry], chunk: int) -> Iterator[tuple[Entry, IncidentState]]:
        """The entries that are not outdated, with their incidents' states."""
        while some := list(islice(entries, chunk)):
            states = self._states({entry.incident_id for entry in some})
            behind = {e.incident_id for e in some if e.version > _version(states.get(e.incident_id))}
            states |= self._healed({incident_id: states.get(incident_id) for incident_id in behind})
            for entry in some:
                state = states[entry.incident_id]
                if entry.version == state.version:
                    yield entry, state


def _requests(events: Iterable[StoredEvent]) -> Iterator[list[StoredEvent]]:
    """The events in order, so many together as one request holds."""
    some: list[StoredEvent] = []
    size = 0
    for stored in events:
        length = len(stored.event.payload)
        if some and (len(some) == _EVENTS_A_REQUEST or size + length > _CHARS_A_REQUEST):
            yield some
            some, size = [], 0
        some.append(stored)
        size += length
    if some:
        yield some


def _version(state: IncidentState | None) -> int:
    return state.version if state else 0


def _fold_on(state: IncidentState, events: Iterable[StoredEvent]) -> IncidentState:
    for stored in events:
        if stored.event.version != state.version + 1:  # a crash kept one from being written
            break
        state = evolve(state, stored.event)
    return state


def _place(facet: Facet, entry: Entry) -> tuple[Any, ...]:
    return (facet.name, facet.value, entry.day, entry.updated_at, entry.incident_id)


def _places(state: IncidentState | None) -> set[tuple[Any, ...]]:
    if state is None:
        return set()
    entry = entry_of(state)
    return {_place(facet, entry) for facet in entry.facets}


def _content(entry: Entry) -> tuple[Any, ...]:
    return (entry.version, entry.status, entry.tenant, entry.service)


def _entry(row: Any) -> Entry:
    return Entry(row.incident_id, row.version, row.updated_at, row.status, row.tenant, row.service)


def _event_row(stored: StoredEvent) -> tuple[Any, ...]:
    return (stored.topic, stored.partition, stored.offset, *event_values(stored.event))


def _stored(row: Any) -> StoredEvent:
    topic, partition, offset, *values = row
    return stored_event(values, topic, partition, offset)


def _groups(days: list[int]) -> Iterator[list[int]]:
    if days:
        yield days[:1]
    for start in range(1, len(days), _DAYS_AT_ONCE):
        yield days[start : start + _DAYS_AT_ONCE]
