"""The embedded projection: the contract, and what only a file can suffer."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from state.chain import seal
from state.errors import ProjectionDamagedError, ProjectionTooNewError, ProjectionUnavailableError
from state.incident import EventType
from state.migrations import read_migrations
from state.ports import IncidentQuery, Projection
from state.rebuild import rebuild
from state.rows import EVENT_FIELDS
from state.sqlite_projection import SqliteProjection
from tests.contract.projection_contract import ProjectionContract, all_pages
from tests.support.event_sequences import STORY, EventLog, story


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, in a folder that is not there either."""
    return tmp_path / "new" / "store.sqlite"


@pytest.fixture
def projection(path: Path) -> Iterator[Projection]:
    """An empty store."""
    store = SqliteProjection(path)
    yield store
    store.close()


class TestSqliteProjection(ProjectionContract):
    """The contract, on a file."""

    @pytest.fixture
    def other(self, tmp_path: Path) -> Iterator[Projection]:
        """Another empty store."""
        store = SqliteProjection(tmp_path / "other.sqlite")
        yield store
        store.close()


def test_a_store_outlives_its_process(path: Path) -> None:
    """What was taken in is there when the file is opened again."""
    log = story()
    first = SqliteProjection(path)
    first.apply(log.events)
    first.close()
    again = SqliteProjection(path)
    assert again.timeline("inc-checkout") == log.events
    assert again.apply(log.events) == 0
    again.close()


WRITER = """
import sys
from pathlib import Path
from state.sqlite_projection import SqliteProjection
from tests.support.event_sequences import STORY, EventLog

path, name, incidents = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = EventLog()
for number in range(incidents):
    for kind in STORY:
        log.append(f"{name}-{number}", kind, tenant=name)
projection = SqliteProjection(path)
print("ready", flush=True)
sys.stdin.readline()
for at in range(0, len(log.events), 5):
    projection.apply(log.events[at : at + 5])
projection.close()
"""


def _writer(path: Path, name: str, incidents: int, prelude: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", prelude + WRITER, str(path), name, str(incidents)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def test_processes_write_at_once_while_another_reads(path: Path) -> None:
    """Two processes that make the file together and fill it at once lose nothing; a reader sees only whole batches."""
    writers = [_writer(path, name, 20) for name in ("left", "right")]
    assert [w.stdout.readline() for w in writers if w.stdout] == ["ready\n", "ready\n"]
    reader = SqliteProjection(path)
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    seen = [0]
    while any(writer.poll() is None for writer in writers):
        seen.append(reader.count())
        for state in reader.incidents(IncidentQuery(limit=5)).incidents:
            assert len(reader.timeline(state.incident_id)) >= state.version
    assert [(writer.returncode, writer.communicate()[1]) for writer in writers] == [(0, "")] * 2
    assert seen == sorted(seen)
    assert reader.count() == 2 * 20 * len(STORY)
    assert {len(all_pages(reader, IncidentQuery(tenant=name))) for name in ("left", "right")} == {20}
    reader.close()


def test_a_full_disk_is_told_and_what_was_held_stays(path: Path) -> None:
    """Without space nothing of the batch is kept; once there is some, the same batch goes in."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
    limit += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    writer = _writer(path, "big", 60, prelude=limit)
    _, errors = writer.communicate("\n", timeout=60)
    assert writer.returncode == 1
    assert "ProjectionUnavailableError" in errors
    assert str(path) in errors
    projection = SqliteProjection(path)
    held = projection.count()
    assert 0 < held < 60 * len(STORY)
    assert held == sum(state.version for state in all_pages(projection, IncidentQuery()))
    projection.apply(story().events)
    projection.close()


def test_an_overwritten_file_is_named_with_the_way_out(path: Path) -> None:
    """Bytes that are no database are refused with the file's name, and what to do."""
    path.parent.mkdir()
    path.write_bytes(b"not a database, by far " * 500)
    with pytest.raises(ProjectionDamagedError, match=r"store\.sqlite.*rebuilt from the log"):
        SqliteProjection(path)


def test_damage_found_later_is_told_and_the_log_heals_it(path: Path) -> None:
    """A page gone bad is an error at the reading; moved away, the file is built anew from the log."""
    log = EventLog()
    for number in range(200):
        log.append(f"inc-{number}", EventType.INCIDENT_OPENED)
    first = SqliteProjection(path)
    first.apply(log.events)
    first.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(ProjectionDamagedError, match="damaged"):
        all_pages(SqliteProjection(path), IncidentQuery())
    for file in path.parent.glob(path.name + "*"):
        file.rename(path.parent / f"moved-{file.name}")
    rebuilt = SqliteProjection(path)
    assert rebuild(rebuilt, log.events) == 200
    assert all_pages(rebuilt, IncidentQuery()) == log.states()
    rebuilt.close()


def test_a_locked_file_is_unavailable_not_broken(path: Path, projection: Projection) -> None:
    """Where another process keeps the file locked for long, the error says so and may be retried."""
    impatient = SqliteProjection(path, busy_s=0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ProjectionUnavailableError, match="locked by another process") as caught:
        impatient.apply(story().events)
    assert caught.value.retriable
    assert impatient.incidents(IncidentQuery()).incidents == []  # readers do not wait
    holder.execute("ROLLBACK")
    assert impatient.apply(story().events) == len(STORY)
    holder.close()
    impatient.close()


def test_a_file_of_an_earlier_version_goes_on(path: Path) -> None:
    """Events that were taken in before there was a basis have none, as they were recorded; those that come now have theirs."""
    before = [replace(stored, event=seal(replace(stored.event, basis=""))) for stored in story().events[:1]]
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
        connection.execute("INSERT INTO schema_version VALUES (1, 'events_and_incidents', '2026-01-01')")
        for statement in read_migrations("sqlite")[0].statements:
            connection.execute(statement)
        columns = [name for name in EVENT_FIELDS if name != "basis"]
        for stored in before:
            values = [stored.topic, stored.partition, stored.offset, *(getattr(stored.event, name) for name in columns)]
            connection.execute(
                f'INSERT INTO events (topic, "partition", "offset", {", ".join(columns)})'  # noqa: S608 - our own names
                f" VALUES ({', '.join('?' * len(values))})",
                values,
            )
        connection.commit()
    store = SqliteProjection(path)
    store.apply(story("inc-2").events)
    assert store.timeline("inc-checkout") == before
    assert store.timeline("inc-2") == story("inc-2").events
    store.close()


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    """A file that a newer program made is not touched."""
    SqliteProjection(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schema_version VALUES (9999, 'from the future', '2999-01-01')")
    with pytest.raises(ProjectionTooNewError, match="schema 9999"):
        SqliteProjection(path)


def test_a_file_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    """A path through a file, or to a folder, is told with its name."""
    (tmp_path / "file").write_text("here")
    with pytest.raises(ProjectionUnavailableError, match="file"):
        SqliteProjection(tmp_path / "file" / "store.sqlite")
    with pytest.raises(ProjectionUnavailableError, match="cannot be used"):
        SqliteProjection(tmp_path)


def test_lists_are_read_off_an_index(path: Path, projection: Projection) -> None:
    """No page needs a sort or reads the whole table, whatever the filter."""
    connection = sqlite3.connect(path)
    for column in ("status", "tenant", "service"):
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT state FROM incidents WHERE {column} = 'x'"  # noqa: S608
            " AND (updated_at, incident_id) < (1, 'a') ORDER BY updated_at DESC, incident_id DESC LIMIT 5"
        ).fetchall()
        assert all("USING INDEX incidents_by_" + column in step[3] for step in plan), plan
    connection.close()
