"""A future for a handful of records: done when Kafka has answered for each of them."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from streams.outbox import Message

# Called with an error or None, and the message that it is about.
OnDelivery = Callable[[Any, Any], None]


class Acknowledgement:
    """Collects delivery reports, which come on a thread of the producer's, into one future of an event loop.

    All records of it share one callback, and the loop is called once, after the last report: either a record would cost more
    than sending it.

    Args:
        records: by their keys and values it is found which of them a failure is about.
        told: called on the producer's thread once all have been answered for, with the failures by their names.
    """

    def __init__(
        self, records: Sequence[Message], loop: asyncio.AbstractEventLoop, told: Callable[[int, Sequence[str]], None]
    ) -> None:
        self._records = records
        self._loop = loop
        self._told = told
        self._failed: list[tuple[str, bytes | None, bytes | None]] = []
        self._refused: dict[int, str] = {}
        self._heard = count(1)  # its next() is one step of the interpreter: no two threads get the same number
        self._done: asyncio.Future[list[str | None]] = loop.create_future()
        if not records:
            self._done.set_result([])

    def heard(self, error: Any, message: Any) -> None:
        """Kafka's answer for a record: no error, or one with a name."""
        if error is not None:
            self._failed.append((str(error.name()), message.key(), message.value()))
        if next(self._heard) == len(self._records):
            self._finish()

    def failed(self, at: int, why: str) -> None:
        """The record `at` was never sent."""
        self._refused[at] = why
        if next(self._heard) == len(self._records):
            self._finish()

    async def result(self) -> list[str | None]:
        """For each record None, or why it was not taken."""
        return await self._done

    def _finish(self) -> None:
        try:
            self._told(len(self._records) - len(self._refused) - len(self._failed), [why for why, *_ in self._failed])
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:
            # The loop has closed: nobody waits for the answer any more.
            return

    def _answer(self) -> None:
        if self._done.done():
            return
        answers: list[str | None] = [None] * len(self._records)
        for at, why in self._refused.items():
            answers[at] = why
        if self._failed:
            self._place_failures(answers)
        self._done.set_result(answers)

    def _place_failures(self, answers: list[str | None]) -> None:
        """Of records that are the same bytes any may stand for another."""
        places: dict[tuple[bytes | None, bytes | None], list[int]] = {}
        for at, record in enumerate(self._records):
            if answers[at] is None:
                places.setdefault((record.key, record.value), []).append(at)
        for why, key, value in self._failed:
            at_fault = places.get((key, value))
            if at_fault:
                answers[at_fault.pop()] = why
            else:  # it cannot be told which one: so none counts as taken
                answers[:] = [answer or why for answer in answers]
