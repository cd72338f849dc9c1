"""How events reach the read side: in order, waiting for a store that is away, what is no event as a dead letter."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from agents.projector import ProjectorShell
from schemas.codec import Codec
from schemas.records.log import IncidentEvent
from schemas.samples import sample
from state.errors import (
    ProjectionConflictError,
    ProjectionDamagedError,
    ProjectionGapError,
    ProjectionUnavailableError,
    StateError,
)
from state.log_reader import RawRecord
from state.ports import Projection, StoredEvent
from streams.topics import DEAD_LETTERS, EVENTS
from streams.wire import Wire
from tests.support.shells import FakeOutbox, offline_app

EVENT = Codec(IncidentEvent).encode(sample(IncidentEvent))


@dataclass
class FakeStore:
    """Notes the offsets that it was given; fails once with each of `errors`."""

    errors: list[StateError] = field(default_factory=list)
    applied: list[list[int]] = field(default_factory=list)
    opened: int = 0

    def apply(self, events: Sequence[StoredEvent]) -> int:
        if self.errors:
            raise self.errors.pop(0)
        self.applied += [[stored.offset for stored in events]] if events else []
        return len(events)

    def count(self) -> int:
        return 1

    def open(self) -> Projection:
        self.opened += 1
        return cast(Projection, self)


class Bench:
    """The shell and its store; it reads from no Kafka."""

    def __init__(self, folder: Path) -> None:
        self.outbox, self.store = FakeOutbox(), FakeStore()
        self.shell = ProjectorShell(
            offline_app(folder), "127.0.0.1:1", self.store.open, lambda _: (), self.outbox, Wire()
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A shell and its store."""
    return Bench(tmp_path)


def records(*values: bytes | None, first: int = 0) -> list[RawRecord]:
    """Records of the events' topic at successive offsets."""
    return [RawRecord(EVENTS.name, 2, first + n, 0, b"k", value, []) for n, value in enumerate(values)]


def test_events_are_applied_in_their_order(bench: Bench) -> None:
    """Batch by batch."""
    assert bench.shell.take(records(EVENT, EVENT))
    assert bench.shell.take(records(EVENT, first=2))
    assert bench.store.applied == [[0, 1], [2]]


async def test_what_is_no_event_is_a_dead_letter(bench: Bench) -> None:
    """Delivered before the batch is done with; the events around it are applied."""
    bench.shell._loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(bench.shell.take, records(EVENT, b"x", None, EVENT))
    assert bench.store.applied == [[0, 3]]
    assert len(bench.outbox.to(DEAD_LETTERS.name)) == 2


def test_a_store_that_is_away_has_the_events_come_again(bench: Bench) -> None:
    """They are not done with, so they are not committed."""
    bench.store.errors.append(ProjectionUnavailableError("away"))
    assert not bench.shell.take(records(EVENT))
    assert bench.shell.take(records(EVENT))
    assert bench.store.applied == [[0]]


def test_a_damaged_store_is_opened_anew(bench: Bench) -> None:
    """Its file was moved away; the log fills another one."""
    bench.store.errors.append(ProjectionDamagedError("damaged"))
    assert not bench.shell.take(records(EVENT))
    assert bench.shell.take(records(EVENT))
    assert bench.store.opened == 2


@pytest.mark.parametrize("error", [ProjectionConflictError("two of one version"), ProjectionGapError("one is missing")])
def test_what_the_log_itself_lacks_holds_nothing_up(bench: Bench, error: StateError) -> None:
    """Waiting would not bring it."""
    bench.store.errors.append(error)
    assert bench.shell.take(records(EVENT))


async def test_a_failure_crashes_the_worker(bench: Bench) -> None:
    """An app without its projection must not look well."""
    bench.shell._loop = asyncio.get_running_loop()
    crashed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def crash(error: BaseException) -> None:
        crashed.set_result(error)

    bench.shell._app.crash = crash
    fault = ValueError("unforeseen")
    await asyncio.to_thread(bench.shell._crash, fault)
    assert await asyncio.wait_for(crashed, 5) is fault
