"""A future for a handful of records: done when Kafka has answered for each of them."""

import asyncio
from collections.abc import Callable
from typing import Any

OnDelivery = Callable[[Any, Any], None]


class Acknowledgement:
    """Collects delivery reports, which come on a thread of the producer's, into one future of an event loop."""

    def __init__(self, records: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._failures: list[str | None] = [None] * records
        self._missing = records
        self._done: asyncio.Future[list[str | None]] = loop.create_future()
        if records == 0:
            self._done.set_result([])

    def callback(self, at: int, also: OnDelivery) -> OnDelivery:
        """The delivery callback of the record `at`; calls `also` with the same."""

        def on_delivery(error: Any, message: Any) -> None:
            also(error, message)
            reason = None if error is None else str(error.name())
            try:
                self._loop.call_soon_threadsafe(self._answered, at, reason)
            except RuntimeError:
                # The loop has closed: nobody waits for the answer any more.
                return

        return on_delivery

    async def result(self) -> list[str | None]:
        """For each record None, or why it was not taken."""
        return await self._done

    def _answered(self, at: int, reason: str | None) -> None:
        self._failures[at] = reason
        self._missing -= 1
        if self._missing == 0 and not self._done.done():
            self._done.set_result(self._failures)
