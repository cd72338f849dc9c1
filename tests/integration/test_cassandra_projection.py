"""The projection in Cassandra: the contract, and what only a cluster can suffer."""

import logging
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ops.embedded.ports import HOST
from state.cassandra_projection import CassandraProjection
from state.errors import ProjectionTooNewError, ProjectionUnavailableError
from state.incident import EventType, Status, fold
from state.ports import IncidentQuery, Projection
from tests.contract.projection_contract import ProjectionContract, all_pages, ids, unique
from tests.support.event_sequences import STORY, EventLog, story

pytestmark = pytest.mark.cassandra


def _keyspace() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def keyspace() -> str:
    """A keyspace of these tests' own."""
    return _keyspace()


@pytest.fixture(scope="module")
def projection(cassandra_contact_point: str, keyspace: str) -> Iterator[CassandraProjection]:
    """One store for all tests of the module: they keep apart by their names."""
    store = CassandraProjection(cassandra_contact_point, keyspace=keyspace)
    yield store
    store.close()


@pytest.fixture(scope="module")
def another(cassandra_contact_point: str) -> Iterator[CassandraProjection]:
    """A store in another keyspace."""
    store = CassandraProjection(cassandra_contact_point, keyspace=_keyspace())
    yield store
    store.close()


class TestCassandraProjection(ProjectionContract):
    """The contract, on a node."""

    @pytest.fixture
    def other(self, another: Projection) -> Projection:
        """Another store."""
        return another


class CrashingSession:
    """A session that dies when so many rounds of writes have been made."""

    def __init__(self, session: object, rounds: int) -> None:
        self._session = session
        self._rounds = rounds

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def together(self, work: object) -> object:
        """One round less to live; reads are the first two of an `apply`."""
        if self._rounds == 0:
            raise KeyboardInterrupt
        self._rounds -= 1
        return self._session.together(work)  # type: ignore[attr-defined]


@pytest.mark.parametrize("rounds", [2, 3, 4])
@pytest.mark.parametrize("batch", [slice(4, 8), slice(4, 5), slice(4, 12)])
def test_a_crash_between_writes_is_healed(
    cassandra_contact_point: str, keyspace: str, projection: Projection, rounds: int, batch: slice
) -> None:
    """Killed after events, or after lists, the next delivery completes the state, however it is cut, and lists it once."""
    tenant = unique("tenant")
    log = EventLog()
    for kind in STORY:
        log.append(tenant, kind, tenant=tenant)
    projection.apply(log.events[:4])
    crashing = CassandraProjection(cassandra_contact_point, keyspace=keyspace)
    crashing._session = CrashingSession(crashing._session, rounds)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        crashing.apply(log.events[4:8])
    crashing.close()
    assert ids(all_pages(projection, IncidentQuery(tenant=tenant, limit=1))) == [tenant]

    projection.apply(log.events[batch])
    held = [stored.event for stored in log.events[: max(batch.stop, 8 if rounds > 2 else 0)]]
    assert projection.incident(tenant) == fold(tenant, held)
    assert all_pages(projection, IncidentQuery(tenant=tenant, limit=1)) == [fold(tenant, held)]


def test_a_zombie_that_comes_late_changes_nothing(
    cassandra_contact_point: str, keyspace: str, projection: Projection
) -> None:
    """A worker that lost its partition and writes what it had begun neither sets a state back nor lists an old one."""
    tenant = unique("tenant")
    log = EventLog()
    for kind in STORY:
        log.append(tenant, kind, tenant=tenant)
    projection.apply(log.events[:4])
    zombie = CassandraProjection(cassandra_contact_point, keyspace=keyspace)
    session = zombie._session
    overtaken = replace_together_once(zombie, lambda: projection.apply(log.events[4:]))
    zombie.apply(log.events[4:6])
    assert overtaken == [len(STORY) - 4]
    zombie._session = session
    zombie.close()
    final = log.state(tenant)
    assert projection.incident(tenant) == final
    for query in (IncidentQuery(tenant=tenant), *(IncidentQuery(tenant=tenant, status=s) for s in Status)):
        expected = [final] if query.status in (None, Status.RESOLVED) else []
        assert all_pages(projection, replace(query, limit=1)) == expected


def replace_together_once(zombie: CassandraProjection, meanwhile: object) -> list[int]:
    """Let something happen after the zombie has read and before it writes; returns what it returned, once it did."""
    done: list[int] = []
    original = zombie._session
    rounds = iter(range(100))

    class Overtaken:
        def __getattr__(self, name: str) -> object:
            return getattr(original, name)

        def together(self, work: object) -> object:
            if next(rounds) == 2:
                done.append(meanwhile())  # type: ignore[operator]
            return original.together(work)  # type: ignore[arg-type]

    zombie._session = Overtaken()  # type: ignore[assignment]
    return done


def test_several_processes_may_make_the_keyspace_at_once(cassandra_contact_point: str) -> None:
    """Workers that start together with an empty cluster all come up, and all see what one wrote."""
    keyspace = _keyspace()
    with ThreadPoolExecutor(3) as pool:
        stores = list(pool.map(lambda _: CassandraProjection(cassandra_contact_point, keyspace=keyspace), range(3)))
    log = EventLog()
    log.append("inc-1", EventType.INCIDENT_OPENED)
    stores[0].apply(log.events)
    assert [store.count() for store in stores] == [1, 1, 1]
    for store in stores:
        store.close()


def test_a_keyspace_of_an_earlier_version_goes_on(cassandra_contact_point: str) -> None:
    """Events that were taken in before there was a basis have none, as they were recorded; those that come now have theirs."""
    keyspace = _keyspace()
    store = CassandraProjection(cassandra_contact_point, keyspace=keyspace)
    before = story("inc-1").events[0]  # it has no basis
    assert before.event.basis == ""
    store.apply([before])
    store._session.run("ALTER TABLE events DROP basis")
    store._session.run("DELETE FROM schema_version WHERE version = 2")
    store.close()
    store = CassandraProjection(cassandra_contact_point, keyspace=keyspace)
    store.apply(story("inc-1").events)
    assert store.timeline("inc-1") == story("inc-1").events
    store.close()


def test_one_request_holds_more_than_cassandra_warns_of(cassandra_contact_point: str, projection: Projection) -> None:
    """Its limits of a batch (5 and 50 KiB) are for batches of several partitions: an incident's events are of one."""
    log = EventLog()
    name = unique()
    log.append(name, EventType.INCIDENT_OPENED)
    for _ in range(130):
        log.append(name, EventType.STORM_OPENED, service="ø" * 4_000)
    assert projection.apply(log.events) == 131
    assert projection.timeline(name) == log.events


def test_a_newer_schema_is_left_alone(cassandra_contact_point: str) -> None:
    """A keyspace that a newer program made is not touched."""
    keyspace = _keyspace()
    store = CassandraProjection(cassandra_contact_point, keyspace=keyspace)
    store._session.run("INSERT INTO schema_version (version, name) VALUES (9999, 'from the future')")
    store.close()
    with pytest.raises(ProjectionTooNewError, match="schema 9999"):
        CassandraProjection(cassandra_contact_point, keyspace=keyspace)


def test_where_nobody_answers_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """No node at the contact point is an error that names it and may be retried."""
    caplog.set_level(logging.CRITICAL, logger="cassandra")
    with pytest.raises(ProjectionUnavailableError, match=f"{HOST}:1,") as caught:
        CassandraProjection(f"{HOST}:1", timeout_s=1)
    assert caught.value.retriable
