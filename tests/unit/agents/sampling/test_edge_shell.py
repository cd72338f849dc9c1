"""Sampling's shell: what goes out in which order, and that nothing is acknowledged before all of it is delivered."""

import asyncio
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from agents.sampling import edge
from agents.sampling.account_rows import POSITION
from agents.sampling.batch import Sampler
from agents.sampling.edge import EdgeShell
from agents.sampling.gathering import Gathering
from agents.sampling.rules import SamplingRules
from streams.errors import DeliveryError
from streams.forwarding import Forwarder
from streams.topics import ACCOUNT, ALERTS, DEAD_LETTERS
from streams.transport.batch import Batch
from streams.wire import Wire
from tests.support.alerts import framed
from tests.support.sampling import Record, chunks
from tests.support.shells import FakeEvent, FakeOutbox, Raw, offline_app


class FakeForwarder(Forwarder):
    """Takes everything when `gate` is open; counts what it took."""

    def __init__(self) -> None:
        self.sent = 0
        self.gate = asyncio.Event()
        self.fails = False

    async def close(self) -> None: ...

    async def send(self, topic: str, partition: int, pieces: Any, headers: Any) -> None:  # noqa: ARG002 - the port's shape
        await self.gate.wait()
        if self.fails:
            raise DeliveryError("Kafka did not take a batch.")
        self.sent += len(pieces)


def batch_of(number: int) -> FakeEvent:
    """A batch of one alert, at that offset."""
    alert = Record(number, framed(fingerprint=f"f{number}"), b"inc-0")
    return FakeEvent(ALERTS.name, Batch(chunks([alert], 1), number, number + 1))


async def worked_through(shell: EdgeShell, event: FakeEvent) -> None:
    """As from the stream; what goes wrong is what the stream would hear with the next batch."""
    await shell._arrived(event)
    await asyncio.gather(*shell._under_way, return_exceptions=True)
    shell._raise_failure()


async def test_a_batch_is_acknowledged_once_copies_accounts_and_rows_are_delivered(tmp_path: Path) -> None:
    """The position's row is the last one: what is up to it, the others have counted."""
    app = offline_app(tmp_path)
    outbox, forwarder = FakeOutbox(), FakeForwarder()
    shell = EdgeShell(app, SamplingRules(), outbox, forwarder, Wire(), partitions=4)
    alerts = [Record(n, framed(fingerprint=f"f{n}"), b"inc-0") for n in range(30)]
    some = chunks([*alerts, Record(30, b"no alert", b"inc-0")], 10)
    event = FakeEvent(ALERTS.name, Batch(some, 30, 31))

    under_way = asyncio.create_task(worked_through(shell, event))
    await asyncio.wait([under_way], timeout=0.05)
    assert [event.acknowledged] == [False]
    assert outbox.to(ACCOUNT.name) == []
    forwarder.gate.set()
    await under_way
    await shell._partitions[0].flushed()

    assert event.acknowledged
    assert forwarder.sent == 30
    assert len(outbox.to(DEAD_LETTERS.name)) == 1
    assert len(outbox.to(ACCOUNT.name)) >= 1
    rows = outbox.to("unit-sampling-accounts-changelog")
    assert [row.key for row in rows] == [b"inc-0", POSITION]
    assert rows[-1].value == b"30"


async def test_a_successor_knows_the_position_even_where_an_incident_has_been_forgotten(tmp_path: Path) -> None:
    """Its row is gone, and the batch that it was in comes again, as the commit of it was lost: it is counted once."""
    app, outbox, forwarder = offline_app(tmp_path), FakeOutbox(), FakeForwarder()
    forwarder.gate.set()
    shell = EdgeShell(app, SamplingRules(), outbox, forwarder, Wire(), partitions=4)
    alerts = [Record(n, framed(fingerprint=f"f{n}"), b"inc-0") for n in range(30)]
    await worked_through(shell, FakeEvent(ALERTS.name, Batch(chunks(alerts, 10), 29, 30)))
    await shell._partitions[0].flushed()
    written = [row for row in outbox.to("unit-sampling-accounts-changelog") if row.key == POSITION]

    again = FakeOutbox()
    successor = EdgeShell(offline_app(tmp_path), SamplingRules(), again, forwarder, Wire(), partitions=4)
    store = successor._table._store
    store.recover(0, [Raw(n, row.value, row.key, headers=list(row.headers.items())) for n, row in enumerate(written)])
    store.own({0: len(written)}, 2)
    event = FakeEvent(ALERTS.name, Batch(chunks(alerts, 10), 29, 30))
    await worked_through(successor, event)
    await successor._partitions[0].flushed()

    assert event.acknowledged
    assert again.to(ACCOUNT.name) == []


async def test_batches_are_decided_on_while_a_flush_is_delivered_until_as_many_wait_as_it_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is acknowledged before its own copy is delivered, and the source is held up when outputs are slow."""
    monkeypatch.setattr(edge, "MAX_HELD", 8)
    forwarder = FakeForwarder()
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), FakeOutbox(), forwarder, Wire(), partitions=4)
    events = [batch_of(number) for number in range(8 + 1)]
    for event in events[:-1]:
        await asyncio.wait_for(worked_through(shell, event), 5)
    held_up = asyncio.create_task(worked_through(shell, events[-1]))
    await asyncio.wait([held_up], timeout=0.05)
    assert not held_up.done()
    assert not any(event.acknowledged for event in events)

    forwarder.gate.set()
    await held_up
    await shell._partitions[0].flushed()
    assert all(event.acknowledged for event in events)


async def test_a_flush_that_fails_is_raised_by_the_next_batch(tmp_path: Path) -> None:
    """So the stream fails and the worker is started again; what the flush was of is not acknowledged."""
    forwarder = FakeForwarder()
    forwarder.fails = True
    forwarder.gate.set()
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), FakeOutbox(), forwarder, Wire(), partitions=4)
    first = batch_of(0)
    await worked_through(shell, first)
    part = shell._partitions[0]
    assert part.flushing is not None
    await asyncio.wait([part.flushing])
    part.flushed_at = 0.0  # long ago: the next batch is to be followed by a flush
    second = batch_of(1)
    with pytest.raises(DeliveryError):
        await worked_through(shell, second)

    assert not first.acknowledged
    assert not second.acknowledged


class Noted:
    """What work_through is given, offset by offset."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[list[int]] = []
        inner = Sampler.work_through

        def noted(sampler: Sampler, records: Any) -> Any:
            self.batches.append([record.offset for record in records])
            return inner(sampler, records)

        monkeypatch.setattr(Sampler, "work_through", noted)


async def test_what_gathers_behind_a_batch_is_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alert is sampled once, in order, and every batch acknowledged; where much waits already nothing is gathered."""
    noted, forwarder = Noted(monkeypatch), FakeForwarder()
    forwarder.gate.set()
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), FakeOutbox(), forwarder, Wire(), partitions=4)
    events = [batch_of(number) for number in range(9)]
    await worked_through(shell, events[0])
    monkeypatch.setattr(edge, "GATHER_S", 3600.0)
    monkeypatch.setattr(edge, "ENOUGH", 3)
    for event in events[1:7]:
        await shell._arrived(event)
    await asyncio.gather(*shell._under_way)
    assert noted.batches == [[0], [1, 2, 3, 4, 5, 6]]
    monkeypatch.setattr(edge, "GATHER_S", 0.1)
    for event in events[7:]:
        await shell._arrived(event)
        await asyncio.sleep(0)
    assert len(noted.batches) == 2
    await asyncio.gather(*shell._under_way)
    assert noted.batches[2:] == [[7, 8]]
    part = shell._partitions[0]
    await part.flushed()
    await shell._flush(part)
    await part.flushed()
    assert all(event.acknowledged for event in events)


async def test_a_void_batch_among_those_that_gathered_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records come again: they are not sampled now, and it is not acknowledged; those before and behind it are."""
    noted, forwarder = Noted(monkeypatch), FakeForwarder()
    forwarder.gate.set()
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), FakeOutbox(), forwarder, Wire(), partitions=4)
    await worked_through(shell, batch_of(0))
    monkeypatch.setattr(edge, "GATHER_S", 0.05)
    events = [batch_of(number) for number in range(1, 4)]
    for event in events:
        await shell._arrived(event)
    events[1].value.void = True
    await asyncio.gather(*shell._under_way)
    assert noted.batches == [[0], [1, 3]]
    part = shell._partitions[0]
    await part.flushed()
    await shell._flush(part)
    await part.flushed()
    assert [event.acknowledged for event in events] == [True, False, True]


async def test_a_worker_that_stops_leaves_no_batch_under_way(tmp_path: Path) -> None:
    """What waits comes again; nothing of it goes on beside a producer that is closed."""
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), FakeOutbox(), FakeForwarder(), Wire(), partitions=4)
    lock = shell._locks.setdefault(0, asyncio.Lock())
    await lock.acquire()
    event = batch_of(0)
    await shell._arrived(event)
    await shell._stop()
    lock.release()
    await asyncio.sleep(0.01)
    assert not shell._under_way
    assert (shell._partitions, event.acknowledged) == ({}, False)


async def test_a_batch_that_fails_ends_the_worker_with_the_next_one_or_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is worked through beside the stream, which has to hear of it: else its partition would stand still in silence."""

    def fails(self: Sampler, records: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Sampler, "work_through", fails)
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), FakeOutbox(), FakeForwarder(), Wire(), partitions=4)
    await shell._arrived(batch_of(0))
    await asyncio.wait(shell._under_way)
    with pytest.raises(RuntimeError, match="a defect"):
        await shell._arrived(batch_of(1))
    with pytest.raises(RuntimeError, match="a defect"):
        await shell._flush_all()


async def test_nothing_jumps_over_a_batch_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes behind it, worked through by itself, is neither told of nor acknowledged: the position would pass it."""
    outbox, forwarder = FakeOutbox(), FakeForwarder()
    forwarder.gate.set()
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), outbox, forwarder, Wire(), partitions=4)
    inner = Sampler.work_through

    def fails(self: Sampler, records: Any) -> Any:
        if records[0].offset == 0:
            raise MemoryError("no room")
        return inner(self, records)

    monkeypatch.setattr(Sampler, "work_through", fails)
    monkeypatch.setattr(Gathering, "take", partialmethod(Gathering.take, most=0))
    events = [batch_of(number) for number in range(3)]
    for event in events:
        await shell._arrived(event)
    await asyncio.gather(*shell._under_way, return_exceptions=True)
    with pytest.raises(MemoryError):
        await shell._flush_all()
    for part in shell._partitions.values():
        with pytest.raises(MemoryError):
            await shell._flush(part)
    await shell._stop()
    assert outbox.to("unit-sampling-accounts-changelog") == []
    assert not any(event.acknowledged for event in events)


async def test_rows_that_were_told_of_before_a_failure_are_not_written_after_it(tmp_path: Path) -> None:
    """A flush that is under way when another batch fails ends before its rows: the state may be that batch's, too."""
    outbox, forwarder = FakeOutbox(), FakeForwarder()
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), outbox, forwarder, Wire(), partitions=4)
    event = batch_of(0)
    await worked_through(shell, event)
    shell._failure = RuntimeError("another batch")
    forwarder.gate.set()
    flushing = shell._partitions[0].flushing
    assert flushing is not None
    await flushing
    assert outbox.to("unit-sampling-accounts-changelog") == []
    assert not event.acknowledged


async def test_no_more_waits_than_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream is held up while a partition is, and goes on with it."""
    monkeypatch.setattr(edge, "MOST_WAITING", 2)
    shell = EdgeShell(offline_app(tmp_path), SamplingRules(), FakeOutbox(), FakeForwarder(), Wire(), partitions=4)
    lock = shell._locks.setdefault(0, asyncio.Lock())
    await lock.acquire()
    for number in range(2):
        await shell._arrived(batch_of(number))
    third = asyncio.create_task(shell._arrived(batch_of(2)))
    await asyncio.wait([third], timeout=0.05)
    assert not third.done()
    lock.release()
    await asyncio.wait_for(third, 5)


def test_as_much_is_taken_at_once_as_may_be() -> None:
    """In order, at least one batch; the others wait."""
    waiting, events = Gathering(), [batch_of(number) for number in range(4)]
    for event in events:
        waiting.add(event)
    assert waiting.take(most=0) == (events[:1], 1)
    assert waiting.take(most=2) == (events[1:3], 2)
    assert (waiting.holds(events[2]), waiting.holds(events[3]), waiting.alerts) == (False, True, 1)
