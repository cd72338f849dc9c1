"""How events reach the read side: in order, acknowledged once they are in, waiting for a store that is away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from agents import projector
from agents.projector import ProjectorShell
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from schemas.samples import sample
from state.errors import ProjectionUnavailableError
from state.ports import Projection, StoredEvent
from streams.topics import DEAD_LETTERS, EVENTS
from streams.wire import Wire
from tests.support.shells import FakeOutbox, batch, offline_app
from tests.support.waiting import soon

EVENT = Codec(IncidentEvent).encode(sample(IncidentEvent))


@dataclass
class FakeStore:
    """Notes the offsets that it was given; away for some calls."""

    away: int = 0
    applied: list[list[int]] = field(default_factory=list)
    closed: bool = False

    def apply(self, events: Sequence[StoredEvent]) -> None:
        if self.away:
            self.away -= 1
            raise ProjectionUnavailableError("away")
        self.applied.append([stored.offset for stored in events])

    def count(self) -> int:
        return 1

    def close(self) -> None:
        self.closed = True


class Bench:
    """The shell, its store, and its task."""

    def __init__(self, folder: Path) -> None:
        self.outbox, self.store = FakeOutbox(), FakeStore()
        self.shell = ProjectorShell(
            offline_app(folder), lambda: cast(Projection, self.store), lambda _: (), self.outbox, Wire()
        )
        self.task = asyncio.create_task(self.shell._apply_all())


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(projector, "RETRY_FIRST_S", 0.001)
    made = Bench(tmp_path)
    yield made
    made.task.cancel()


async def test_events_are_applied_in_their_order_and_then_acknowledged(bench: Bench) -> None:
    """What is no event is a dead letter."""
    first, second = batch(EVENTS, [EVENT, b"x", EVENT]), batch(EVENTS, [EVENT], first=3)
    await bench.shell._batch(first)
    await bench.shell._batch(second)
    await soon(lambda: first.acknowledged and second.acknowledged)
    assert bench.store.applied == [[0, 2], [3]]
    assert len(bench.outbox.to(DEAD_LETTERS.name)) == 1


async def test_a_store_that_is_away_is_waited_for(bench: Bench) -> None:
    """Nothing is lost; and the watchdog knows that the topic waits for it."""
    bench.store.away = 1_000_000
    event = batch(EVENTS, [EVENT])
    await bench.shell._batch(event)
    await soon(lambda: bench.store.away < 999_998)
    assert not event.acknowledged
    assert bench.shell.holds() == {EVENTS.name}
    bench.store.away = 0
    await soon(lambda: event.acknowledged)
    assert bench.shell.holds() == set()


async def test_a_worker_that_stops_while_the_store_is_away_does_not_wait_for_it(bench: Bench) -> None:
    """The events come again when it starts."""
    bench.store.away = 1_000_000
    event = batch(EVENTS, [EVENT])
    await bench.shell._batch(event)
    await soon(lambda: bench.store.away < 1_000_000)
    bench.shell.close()
    await soon(bench.task.done)
    assert bench.task.exception() is None
    assert not event.acknowledged
