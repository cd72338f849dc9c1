"""The embedded Cassandra is a real one: it keeps what it was given, also through a crash."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cassandra.cluster import Cluster, Session

from ops.embedded.cassandra import EmbeddedCassandra
from ops.embedded.errors import DataDamagedError

pytestmark = pytest.mark.cassandra


@contextmanager
def session(contact_point: str) -> Iterator[Session]:
    """A session with the node at `host:port`."""
    host, port = contact_point.split(":")
    cluster = Cluster([host], port=int(port))
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def test_it_is_the_pinned_version(cassandra_contact_point: str) -> None:
    """Drivers find the version that the lock file names."""
    with session(cassandra_contact_point) as connected:
        assert connected.execute("SELECT release_version FROM system.local").one().release_version == "5.0.9"


@pytest.mark.chaos
def test_a_crash_keeps_rows_and_damage_is_named(tmp_path: Path, jars_dir: Path) -> None:
    """A second start finds the first; kill -9 loses no acknowledged row; a damaged commit log is named."""
    server = EmbeddedCassandra(tmp_path, jars_dir=jars_dir)
    try:
        first = server.up()
        with session(first.address) as connected:
            connected.execute(
                "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            connected.execute("CREATE TABLE k.t (id int PRIMARY KEY)")
            connected.execute("INSERT INTO k.t (id) VALUES (7)")

        again = EmbeddedCassandra(tmp_path, jars_dir=jars_dir)
        assert again.up() == first

        again.kill()
        assert not server.status().running
        second = server.up()
        assert second.pid != first.pid
        assert second.address == first.address
        with session(second.address) as connected:
            assert [row.id for row in connected.execute("SELECT id FROM k.t")] == [7]

        server.kill()
        for log in sorted((tmp_path / "cassandra" / "data" / "commitlog").glob("CommitLog-*.log")):
            content = bytearray(log.read_bytes())
            content[64:4096] = b"\xff" * (4096 - 64)
            log.write_bytes(content)
        with pytest.raises(DataDamagedError, match=str(tmp_path / "cassandra" / "data")):
            server.up()
        assert not server.status().running
    finally:
        server.down()
