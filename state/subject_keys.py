"""Persons' keys in one SQLite file, so that erasing somebody is deleting a row: the file is overwritten, nothing of it is left.

The file is the only place where keys are: copies of it, in backups too, keep what was erased readable as long as they exist.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from state.errors import SubjectKeysError
from state.personal import SubjectKey

_OWNER_ONLY = 0o600
_BUSY_S = 30.0
_KEY_BYTES = 32
_TABLES = (
    "CREATE TABLE IF NOT EXISTS keys (key_id TEXT PRIMARY KEY, subject TEXT NOT NULL UNIQUE, secret BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS erased (key_id TEXT PRIMARY KEY)",
)


class SubjectKeys:
    """A `state.personal.Keyring` in a file; several processes and threads may use it at once.

    The file is made, for its owner alone, when the first key is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()

    def of(self, subject: str) -> SubjectKey:
        """The person's key; a new one where there is none.

        Raises:
            SubjectKeysError: the file cannot be used.
        """
        with self._connected(make=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            fresh = (secrets.token_hex(16), subject, secrets.token_bytes(_KEY_BYTES))
            connection.execute("INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT (subject) DO NOTHING", fresh)
            row = connection.execute("SELECT key_id, secret FROM keys WHERE subject = ?", (subject,)).fetchone()
            connection.commit()
        return SubjectKey(*row)

    def find(self, key_id: str) -> SubjectKey | None:
        """The key of this id; None where it is not there.

        Raises:
            SubjectKeysError: the file cannot be used.
        """
        row = self._asked("SELECT key_id, secret FROM keys WHERE key_id = ?", key_id)
        return SubjectKey(*row) if row else None

    def erased(self, key_id: str) -> bool:
        """Whether the key of this id was destroyed here."""
        return self._asked("SELECT key_id FROM erased WHERE key_id = ?", key_id) is not None

    def erase(self, subject: str) -> bool:
        """Destroy a person's key, so that nothing that was sealed with it can be read again; False where there is none.

        Raises:
            SubjectKeysError: the file cannot be used.
        """
        if not self._path.exists():
            return False
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT key_id FROM keys WHERE subject = ?", (subject,)).fetchone()
            if row:
                connection.execute("DELETE FROM keys WHERE subject = ?", (subject,))
                connection.execute("INSERT OR IGNORE INTO erased VALUES (?)", row)
            connection.commit()
            if row:
                connection.execute("VACUUM")
        return row is not None

    def _asked(self, question: str, key_id: str) -> tuple[str, bytes] | None:
        if not self._path.exists():
            return None
        with self._connected() as connection:
            found: tuple[str, bytes] | None = connection.execute(question, (key_id,)).fetchone()
        return found

    @contextmanager
    def _connected(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        with self._turn:
            try:
                if make:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
                connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
                try:
                    # Deleted rows are overwritten, and no journal keeps them.
                    connection.execute("PRAGMA secure_delete = ON")
                    connection.execute("PRAGMA journal_mode = DELETE")
                    for table in _TABLES:
                        connection.execute(table)
                    yield connection
                finally:
                    connection.close()
            except (OSError, sqlite3.Error) as error:
                raise SubjectKeysError(
                    f"The file of persons' keys {self._path} cannot be used: {error}. Make it readable and writable; "
                    "without it nothing personal can be shown or recorded."
                ) from error
