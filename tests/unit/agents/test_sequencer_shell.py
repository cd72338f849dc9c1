"""How commands reach the event store: a batch at a time, tried again, and never behind a lost partition's back."""

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agents import sequencer
from agents.sequencer import SequencerShell
from schemas.codec import Codec
from schemas.records.log import IncidentCommand
from schemas.samples import sample
from state.errors import FencedError, StoreUnavailableError
from state.kafka_store import AppendResult
from streams.topics import COMMANDS, DEAD_LETTERS
from streams.wire import Wire
from tests.support.shells import FakeOutbox, batch, offline_app
from tests.support.waiting import soon

COMMAND = Codec(IncidentCommand).encode(sample(IncidentCommand))


@dataclass
class FakeWriter:
    """Notes what it was given; fails as told; an append waits for `gate`, in its thread."""

    failures: list[Exception]
    gate: threading.Event = field(default_factory=threading.Event)
    calls: list[str] = field(default_factory=list)
    busy: bool = False
    partition: int = 0
    checkpoint_failure: Exception | None = None

    def open(self) -> None:
        self.calls.append("open")

    def append(self, commands: list[Any]) -> AppendResult:
        self.busy = True
        self.gate.wait(10)
        self.busy = False
        if self.failures:
            raise self.failures.pop(0)
        self.calls.append(f"append {[offset for _, offset in commands]}")
        return AppendResult((), (), 0, 0)

    def checkpoint(self, *, only_if_due: bool = False) -> bool:
        assert not self.busy, "a writer is for one thread at a time"
        self.calls.append("checkpoint if due" if only_if_due else "checkpoint")
        if self.checkpoint_failure:
            raise self.checkpoint_failure
        return True

    def take_up_repairs(self) -> bool:
        assert not self.busy, "a writer is for one thread at a time"
        self.calls.append("look for repairs")
        return False

    def close(self) -> None:
        assert not self.busy, "a writer is for one thread at a time"
        self.calls.append("close")


class Bench:
    """The shell and the writers that it opened."""

    def __init__(self, folder: Path) -> None:
        self.app, self.outbox = offline_app(folder), FakeOutbox()
        self.writers: list[FakeWriter] = []
        self.failures: list[Exception] = []
        self.waited_s: list[float] = []
        self.held = False
        self.shell = SequencerShell(self.app, self._open, self.outbox, Wire(), self._sleep)  # type: ignore[arg-type]

    def _open(self, _partition: int) -> FakeWriter:
        writer = FakeWriter(self.failures)
        if not self.held:
            writer.gate.set()
        self.writers.append(writer)
        return writer

    async def _sleep(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_batch_is_one_append_and_then_acknowledged(bench: Bench) -> None:
    """By one writer, opened once; what is no command is a dead letter."""
    first, second = batch(COMMANDS, [COMMAND, b"x", COMMAND]), batch(COMMANDS, [COMMAND], first=3)
    await bench.shell._batch(first)
    await bench.shell._batch(second)
    assert first.acknowledged
    assert second.acknowledged
    assert [w.calls for w in bench.writers] == [["open", "append [0, 2]", "append [3]"]]
    assert len(bench.outbox.to(DEAD_LETTERS.name)) == 1


async def test_what_piled_up_goes_in_transactions_of_limited_size(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails is tried again alone: what was committed before it is not sent twice."""
    monkeypatch.setattr(sequencer, "MOST_AT_ONCE", 2)
    event = batch(COMMANDS, [COMMAND] * 5)
    await bench.shell._batch(event)
    bench.failures.append(StoreUnavailableError("away"))
    assert event.acknowledged
    again = batch(COMMANDS, [COMMAND] * 3, first=5)
    await bench.shell._batch(again)
    assert again.acknowledged
    assert [w.calls for w in bench.writers] == [
        ["open", "append [0, 1]", "append [2, 3]", "append [4]"],
        ["open", "append [5, 6]", "append [7]"],
    ]


async def test_while_the_store_is_away_the_batch_is_tried_again_by_a_new_writer(bench: Bench) -> None:
    """Kafka restarts: the worker need not."""
    bench.failures += [StoreUnavailableError("away"), StoreUnavailableError("away")]
    event = batch(COMMANDS, [COMMAND])
    await bench.shell._batch(event)
    assert event.acknowledged
    assert len(bench.writers) == 3
    assert bench.waited_s == [1.0, 1.0]


async def test_a_partition_that_is_taken_away_during_an_append_is_given_back_after_it(bench: Bench) -> None:
    """And the batch, which is void, is neither tried again nor acknowledged when the new owner has fenced it."""
    bench.held = True
    bench.failures.append(FencedError(0))
    event = batch(COMMANDS, [COMMAND])
    task = asyncio.create_task(bench.shell._batch(event))
    await soon(lambda: bool(bench.writers) and bench.writers[0].busy)
    event.value.void = True
    await bench.app.on_partitions_revoked.send(set())
    bench.writers[0].gate.set()
    await task
    assert not event.acknowledged
    await soon(lambda: bench.writers[0].calls == ["open", "checkpoint", "close"])
    assert len(bench.writers) == 1


async def test_a_void_batch_opens_no_writer(bench: Bench) -> None:
    """It would fence the new owner."""
    event = batch(COMMANDS, [COMMAND])
    event.value.void = True
    await bench.shell._batch(event)
    assert bench.writers == []
    assert not event.acknowledged


async def test_a_writer_that_is_fenced_without_a_rebalance_ends_the_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two groups write to one store: neither may go on as if nothing was."""
    monkeypatch.setattr(sequencer, "FENCED_GRACE_S", -1.0)
    bench.failures.append(FencedError(0))
    with pytest.raises(FencedError):
        await bench.shell._batch(batch(COMMANDS, [COMMAND]))


async def test_checkpoints_are_asked_for_between_batches(bench: Bench) -> None:
    """So that the last events before a silence are signed, too."""
    await bench.shell._batch(batch(COMMANDS, [COMMAND]))
    await bench.shell._checkpoints()
    assert bench.writers[0].calls == ["open", "append [0]", "look for repairs", "checkpoint if due"]


async def test_a_checkpoint_that_kafka_did_not_take_has_the_writer_opened_anew(bench: Bench) -> None:
    """Whether it was written is not known; the next batch goes on."""
    await bench.shell._batch(batch(COMMANDS, [COMMAND]))
    bench.writers[0].checkpoint_failure = StoreUnavailableError("away")
    await bench.shell._checkpoints()
    event = batch(COMMANDS, [COMMAND], first=1)
    await bench.shell._batch(event)
    assert event.acknowledged
    assert len(bench.writers) == 2


async def test_a_writer_that_is_fenced_at_a_checkpoint_waits_for_the_rebalance(bench: Bench) -> None:
    """Opened anew it would fence the new owner."""
    await bench.shell._batch(batch(COMMANDS, [COMMAND]))
    bench.writers[0].checkpoint_failure = FencedError(0)
    task = asyncio.create_task(bench.shell._checkpoints())
    await soon(lambda: bool(bench.waited_s))
    assert not task.done()
    await bench.app.on_partitions_revoked.send(set())
    await task
    assert len(bench.writers) == 1


async def test_the_end_signs_what_was_appended(bench: Bench) -> None:
    """Then the connections are given back."""
    await bench.shell._batch(batch(COMMANDS, [COMMAND]))
    bench.shell.close()
    await soon(lambda: "close" in bench.writers[0].calls)
    assert bench.writers[0].calls[-2:] == ["checkpoint", "close"]
