"""Sampling's shell: what goes out in which order, and that nothing is acknowledged before all of it is delivered."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents.sampling import edge
from agents.sampling.account_rows import POSITION
from agents.sampling.edge import EdgeShell
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

    async def send(self, topic: str, partition: int, pieces: Any, headers: Any) -> None:  # noqa: ARG002 - the port's shape
        await self.gate.wait()
        if self.fails:
            raise DeliveryError("Kafka did not take a batch.")
        self.sent += len(pieces)


def batch_of(number: int) -> FakeEvent:
    """A batch of one alert, at that offset."""
    alert = Record(number, framed(fingerprint=f"f{number}"), b"inc-0")
    return FakeEvent(ALERTS.name, Batch(chunks([alert], 1), number, number + 1))


async def test_a_batch_is_acknowledged_once_copies_accounts_and_rows_are_delivered(tmp_path: Path) -> None:
    """The position's row is the last one: what is up to it, the others have counted."""
    app = offline_app(tmp_path)
    outbox, forwarder = FakeOutbox(), FakeForwarder()
    shell = EdgeShell(app, SamplingRules(), outbox, forwarder, Wire(), partitions=4)
    alerts = [Record(n, framed(fingerprint=f"f{n}"), b"inc-0") for n in range(30)]
    some = chunks([*alerts, Record(30, b"no alert", b"inc-0")], 10)
    event = FakeEvent(ALERTS.name, Batch(some, 30, 31))

    under_way = asyncio.create_task(shell._batch(event))
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
    await shell._batch(FakeEvent(ALERTS.name, Batch(chunks(alerts, 10), 29, 30)))
    await shell._partitions[0].flushed()
    written = [row for row in outbox.to("unit-sampling-accounts-changelog") if row.key == POSITION]

    again = FakeOutbox()
    successor = EdgeShell(offline_app(tmp_path), SamplingRules(), again, forwarder, Wire(), partitions=4)
    store = successor._table._store
    store.recover(0, [Raw(n, row.value, row.key, headers=list(row.headers.items())) for n, row in enumerate(written)])
    store.own({0: len(written)}, 2)
    event = FakeEvent(ALERTS.name, Batch(chunks(alerts, 10), 29, 30))
    await successor._batch(event)
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
        await asyncio.wait_for(shell._batch(event), 5)
    held_up = asyncio.create_task(shell._batch(events[-1]))
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
    await shell._batch(first)
    part = shell._partitions[0]
    assert part.flushing is not None
    await asyncio.wait([part.flushing])
    part.flushed_at = 0.0  # long ago: the next batch is to be followed by a flush
    second = batch_of(1)
    with pytest.raises(DeliveryError):
        await shell._batch(second)

    assert not first.acknowledged
    assert not second.acknowledged
