"""The worker's producer: many records at once leave the loop to others, in the order that they were given."""

import asyncio
import time
from typing import Any

import pytest

from streams import outbox
from streams.outbox import SLICE, Message, Outbox


class TakingProducer:
    """Takes every record, and reports it delivered when it is polled."""

    def __init__(self, _settings: dict[str, Any]) -> None:
        self.taken: list[bytes] = []
        self._reports: list[Any] = []

    def produce(self, _topic: str, value: bytes, _key: bytes, _partition: int, report: Any, headers: Any) -> None:  # noqa: ARG002
        """Take a record."""
        self.taken.append(value)
        self._reports.append(report)

    def poll(self, _timeout: float) -> None:
        """Report what was taken."""
        while self._reports:
            self._reports.pop(0)(None, None)
        time.sleep(0.001)

    def flush(self, _timeout: float) -> int:
        """Nothing waits."""
        return 0


@pytest.mark.parametrize("slices", [1, 5])
async def test_others_get_a_turn_between_slices(monkeypatch: pytest.MonkeyPatch, slices: int) -> None:
    """However many records there are: the loop is held up no longer than by one slice of them."""
    monkeypatch.setattr(outbox, "Producer", TakingProducer)
    some = Outbox("nowhere:1", "test")
    producer: Any = some._producer
    seen: list[int] = []

    async def look() -> None:
        while len(producer.taken) < SLICE * slices:
            seen.append(len(producer.taken))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await some.send([Message("t", None, b"%d" % number) for number in range(SLICE * slices)])
    await looking
    assert producer.taken == [b"%d" % number for number in range(SLICE * slices)]
    assert {SLICE * number for number in range(1, slices)} <= set(seen)
    assert some.close() == 0
