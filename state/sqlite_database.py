"""One SQLite file that several processes read and write at once, and what is said when it cannot be used."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from state.errors import ProjectionDamagedError, ProjectionTooNewError, ProjectionUnavailableError, StateError
from state.migrations import Migration, read_migrations

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_FULL = frozenset({sqlite3.SQLITE_FULL})
_POLL_S = 0.01


class SqliteDatabase:
    """A connection in write-ahead mode: readers never wait for a writer, and writers wait for each other.

    Threads may share it; they take turns. Errors of SQLite become those of `state.errors`, naming the file.
    """

    def __init__(self, path: Path, *, migrations: str, busy_s: float) -> None:
        """Open the file, or make it, and bring its schema up to date.

        Args:
            path: the file; `-wal` and `-shm` beside it belong to it.
            migrations: folder of the schema's steps, in `state`.
            busy_s: how long to wait for another writer.
        """
        self._path = path
        self._busy_s = busy_s
        self._turn = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectionUnavailableError(
                f"{path.parent} cannot be made: {error.strerror}. Set BREAKWATER_HOME to a folder that can be written to."
            ) from error
        with self._explained():
            # Transactions are begun and ended by `writing` alone.
            self._connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(read_migrations(migrations))
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one SELECT; each sees one moment of the file."""
        with self._turn, self._explained():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction: all that is done in it is kept, or on any error none of it."""
        with self._turn, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk has SQLite roll back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; what was written is in it."""
        with self._turn:
            self._connection.close()

    def _prepare(self, steps: list[Migration]) -> None:
        with self._explained():
            self._write_ahead()
            # The log has what a crash of the machine takes; asking for it again costs more than waiting for the disk.
            self._connection.execute("PRAGMA synchronous = FULL")
        with self.writing() as connection:
            self._migrate(connection, steps)

    def _write_ahead(self) -> None:
        # SQLite does not wait for this one itself where another process is doing the same.
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
            except sqlite3.OperationalError as error:
                if _code(error) not in _BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)
            else:
                return

    def _migrate(self, connection: sqlite3.Connection, steps: list[Migration]) -> None:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)"
        )
        (current,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
        if current > steps[-1].version:
            raise ProjectionTooNewError(
                f"{self._path} has schema {current}, made by a newer Breakwater; this one knows {steps[-1].version}. "
                "Use the newer one, or move the file away: it is built anew from the log."
            )
        for step in steps[current:]:
            for statement in step.statements:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
                (step.version, step.name),
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> StateError:
        code = _code(error)
        if code in _DAMAGED:
            return ProjectionDamagedError(
                f"{self._path} is damaged ({error}). Nothing is lost: the log has every event. Stop what uses it, move "
                f"{self._path.name}* away and start again; it is rebuilt from the log."
            )
        if code in _FULL:
            return ProjectionUnavailableError(f"No space is left for {self._path}. Free some; what was held is intact.")
        if code in _BUSY:
            return ProjectionUnavailableError(
                f"{self._path} was locked by another process for over {self._busy_s:.0f} s. Try again; "
                f"`fuser {self._path.name}` in its folder tells who holds it."
            )
        return ProjectionUnavailableError(f"{self._path} cannot be used ({error}). See to its disk and permissions.")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where the error is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
