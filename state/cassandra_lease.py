"""One process at a time changes the schema of a keyspace: two at once would leave it in disagreement."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cassandra import OperationTimedOut, Timeout

from state.errors import ProjectionUnavailableError

# No version: the row of `schema_version` that says who is changing the schema.
_ROW = 0
# A holder that died is waited for as long.
_LEASE_S = 60
_POLL_S = 0.1
# The node did not say in time whether the row was written: it may have been.
_UNKNOWN = (Timeout, OperationTimedOut)

_CLAIM = "INSERT INTO schema_version (version, name) VALUES (%s, %s) IF NOT EXISTS USING TTL %s"
_RELEASE = "DELETE FROM schema_version WHERE version = %s IF name = %s"

Execute = Callable[[str, tuple[Any, ...]], Any]


class SchemaLease:
    """A row that its holder alone may write, for a minute at most.

    Args:
        execute: runs a statement in the keyspace, which has the table `schema_version`.
        clock, sleep: seconds.
    """

    def __init__(
        self, execute: Execute, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._execute, self._clock, self._sleep = execute, clock, sleep
        self._holder = uuid.uuid4().hex

    @contextmanager
    def held(self, where: str) -> Iterator[None]:
        """Wait for it, hold it, give it back.

        Raises:
            ProjectionUnavailableError: others held it for two minutes; `where` says what is waited for.
        """
        deadline = self._clock() + 2 * _LEASE_S
        while not self._claimed():
            if self._clock() > deadline:
                raise ProjectionUnavailableError(f"Another process keeps changing the schema of {where}. Retry.")
            self._sleep(_POLL_S)
        try:
            yield
        finally:
            # One that is not given back ends by itself.
            with suppress(*_UNKNOWN):
                self._execute(_RELEASE, (_ROW, self._holder))

    def _claimed(self) -> bool:
        try:
            result = self._execute(_CLAIM, (_ROW, self._holder, _LEASE_S))
        except _UNKNOWN:
            return False  # if it is ours after all, the next claim is told so
        return bool(result.was_applied) or result.one().name == self._holder
