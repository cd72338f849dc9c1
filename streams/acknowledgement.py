"""A future for a handful of records: done when Kafka has answered for each of them."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

OnDelivery = Callable[[Any, Any], None]


class Acknowledgement:
    """Collects delivery reports, which come on a thread of the producer's, into one future of an event loop.

    The loop is called once, after the last report: a call a report would cost more than sending the record.
    """

    def __init__(self, records: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._failures: list[str | None] = [None] * records
        self._records = records
        self._heard = count(1)  # its next() is one step of the interpreter: no two threads get the same number
        self._done: asyncio.Future[list[str | None]] = loop.create_future()
        if records == 0:
            self._done.set_result([])

    def heard(self, at: int, error: Any) -> None:
        """Kafka's answer for the record `at`: None, or an error with a name."""
        if error is not None:
            self.failed(at, str(error.name()))
        elif next(self._heard) == self._records:
            self._finish()

    def failed(self, at: int, why: str) -> None:
        """The record `at` was not taken, or never sent."""
        self._failures[at] = why
        if next(self._heard) == self._records:
            self._finish()

    async def result(self) -> list[str | None]:
        """For each record None, or why it was not taken."""
        return await self._done

    def _finish(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:
            # The loop has closed: nobody waits for the answer any more.
            return

    def _answer(self) -> None:
        if not self._done.done():
            self._done.set_result(self._failures)
