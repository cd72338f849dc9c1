"""A session with a Cassandra keyspace whose schema is up to date, and what is said when there is none to be had."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent
from cassandra.policies import DCAwareRoundRobinPolicy, ExponentialReconnectionPolicy, TokenAwarePolicy
from cassandra.query import PreparedStatement

from state.cassandra_lease import SchemaLease
from state.errors import ProjectionTooNewError, ProjectionUnavailableError, StateError
from state.migrations import Migration, read_migrations

_DEFAULT_PORT = 9042
# Requests under way at once: enough to fill the wire, far from a node's limit (1,024 a connection).
_CONCURRENCY = 64


def parse_contact_points(text: str) -> list[tuple[str, int]]:
    """Hosts and ports of `host:port,…`; without a port it is 9042.

    Raises:
        StateError: the text is something else.

    >>> parse_contact_points("10.0.0.1:9043, db")
    [('10.0.0.1', 9043), ('db', 9042)]
    """
    points = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        host, _, port = part.rpartition(":") if ":" in part else (part, "", str(_DEFAULT_PORT))
        if not host or not port.isdigit() or not 0 < int(port) < 65_536:
            raise StateError(f"{part!r} is no contact point of Cassandra. Write host:port, several with commas.")
        points.append((host.strip("[]"), int(port)))
    if not points:
        raise StateError("No contact point of Cassandra is given. Write host:port, several with commas.")
    return points


class CassandraSession:
    """Statements against one keyspace, which it makes. Errors of the driver become those of `state.errors`."""

    def __init__(
        self, contact_points: str, keyspace: str, *, migrations: str, replication: int, timeout_s: float
    ) -> None:
        """Connect, and bring the schema up to date.

        Args:
            contact_points: `host:port,…`.
            keyspace: made with `replication` copies where it is not there; one that is there is left as it is.
            migrations: folder of the schema's steps, in `state`.
            timeout_s: how long one request may take.
        """
        points = parse_contact_points(contact_points)
        self._keyspace = keyspace
        self._where = f"Cassandra at {contact_points}, keyspace {keyspace}"
        # Asked of most replicas and told to most, so what was written is read.
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            request_timeout=timeout_s,
        )
        self._cluster = Cluster(
            points,
            port=points[0][1],
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            # The driver would wait up to ten minutes to look whether a node is back.
            reconnection_policy=ExponentialReconnectionPolicy(1.0, 15.0),
            connect_timeout=timeout_s,
            control_connection_timeout=timeout_s,
        )
        try:
            with self._explained():
                self._session: Session = self._cluster.connect()
                self._migrate(keyspace, replication, read_migrations(migrations))
        except BaseException:
            self._cluster.shutdown()
            raise

    def prepare(self, statement: str) -> PreparedStatement:
        """A statement to be executed often; all of ours may be executed twice."""
        with self._explained():
            prepared = self._session.prepare(statement)
        prepared.is_idempotent = True
        return prepared

    def rows(self, statement: Any, values: Sequence[Any] = ()) -> Iterator[Any]:
        """The rows that a statement finds, fetched a page at a time."""
        with self._explained():
            yield from self._session.execute(statement, values)

    def run(self, statement: Any, values: Sequence[Any] = ()) -> None:
        """Execute one statement."""
        with self._explained():
            self._session.execute(statement, values)

    def together(self, work: Iterable[tuple[Any, Sequence[Any]]]) -> list[list[Any]]:
        """Execute statements at once; the rows of each, in the order of the statements."""
        with self._explained():
            results = execute_concurrent(self._session, list(work), concurrency=_CONCURRENCY)
            return [list(result.result_or_exc) for result in results]

    def drop_keyspace(self) -> None:
        """Remove the keyspace with all that is in it."""
        with self._explained():
            self._session.execute(f'DROP KEYSPACE IF EXISTS "{self._keyspace}"')

    def close(self) -> None:
        """Give the connections back."""
        self._cluster.shutdown()

    def _migrate(self, keyspace: str, replication: int, steps: list[Migration]) -> None:
        self._session.execute(
            f'CREATE KEYSPACE IF NOT EXISTS "{keyspace}" WITH replication = '
            f"{{'class': 'NetworkTopologyStrategy', 'replication_factor': {replication}}}"
        )
        self._session.set_keyspace(keyspace)
        self._session.execute(
            "CREATE TABLE IF NOT EXISTS schema_version (version int PRIMARY KEY, name text, applied_at timestamp)"
        )
        if self._missing(steps):
            with SchemaLease(self._session.execute).held(self._where):
                for step in self._missing(steps):
                    self._take(step)

    def _missing(self, steps: list[Migration]) -> list[Migration]:
        rows = self._session.execute("SELECT version FROM schema_version")
        current = max((row.version for row in rows), default=0)
        if current > steps[-1].version:
            raise ProjectionTooNewError(
                f"{self._where} has schema {current}, made by a newer Breakwater; this one knows {steps[-1].version}. "
                "Use the newer one, or another keyspace: it is built anew from the log."
            )
        return steps[current:]

    def _take(self, step: Migration) -> None:
        # Each statement may be executed again, as it is after a crash between here and the last line.
        for statement in step.statements:
            self._session.execute(statement)
        self._session.execute(
            "INSERT INTO schema_version (version, name, applied_at) VALUES (%s, %s, toTimestamp(now()))",
            (step.version, step.name),
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (NoHostAvailable, DriverException) as error:
            raise ProjectionUnavailableError(
                f"{self._where} does not answer as it should: {_reason(error)}. See that it runs and can be reached, and "
                "retry; nothing is lost, the log has every event."
            ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, NoHostAvailable):
        causes = error.errors.items() if isinstance(error.errors, dict) else ()
        return "; ".join(f"{host}: {cause}" for host, cause in causes) or "no node is up"
    return str(error) or type(error).__name__
