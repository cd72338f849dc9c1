"""How effects are run: an incident's own in order, incidents side by side, acknowledged when their outcome is delivered."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from schemas.codec import Codec
from schemas.records.intake import LogLine, MetricPoint
from schemas.records.log import DeadLetter, IncidentEvent
from schemas.samples import sample
from state.repairs import REPAIR
from streams.effects import Effect, EffectShell
from streams.stage import Output, Received
from streams.topics import DEAD_LETTERS, EVENTS, LOGS, METRICS
from streams.wire import Wire
from tests.support.shells import FakeOutbox, Raw, batch, offline_app
from tests.support.streaming import point
from tests.support.waiting import soon
from tests.support.worker import count_line

DEAD, LINES = Codec(DeadLetter), Codec(LogLine)


@dataclass
class Handler:
    """Notes what it was called with; each key waits until it is let go."""

    calls: list[tuple[str, list[int]]] = field(default_factory=list)
    let_go: dict[str, asyncio.Event] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)

    async def handle(self, received: list[Received[MetricPoint]]) -> list[Output]:
        key = received[0].record.series
        self.calls.append((key, [r.position.offset for r in received]))
        if key in self.let_go:
            await self.let_go[key].wait()
        if self.failures.get(key, 0) > 0:
            self.failures[key] -= 1
            raise OSError("the world does not answer")
        return [Output(LOGS, key, count_line(r, r.position.offset)) for r in received]


@dataclass
class Bench:
    handler: Handler
    outbox: FakeOutbox
    shell: EffectShell
    waited_s: list[float]

    def done(self) -> list[str]:
        """The keys whose outcomes were published, in order."""
        return [LINES.decode(m.value).incident_id for m in self.outbox.to(LOGS.name)]


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    handler, outbox, waited = Handler(), FakeOutbox(), list[float]()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    def key(received: Received[MetricPoint]) -> str | None:
        return None if received.record.series == "unwanted" else received.record.series

    effect = Effect("effect", METRICS, key, handler.handle)
    return Bench(handler, outbox, EffectShell(offline_app(tmp_path), effect, outbox, Wire(), sleep), waited)


async def test_a_key_waits_for_itself_and_for_no_other(bench: Bench) -> None:
    """A slow effect holds up its own incident only."""
    bench.handler.let_go["slow"] = asyncio.Event()
    first, second = batch(METRICS, [point("slow")]), batch(METRICS, [point("slow"), point("quick")], first=1)
    await bench.shell._batch(first)
    await bench.shell._batch(second)
    await soon(lambda: bench.done() == ["quick"])
    assert bench.handler.calls == [("slow", [0]), ("quick", [2])]
    bench.handler.let_go["slow"].set()
    await soon(lambda: second.acknowledged)
    assert first.acknowledged
    assert bench.handler.calls[2:] == [("slow", [1])]


async def test_a_batch_is_acknowledged_when_all_of_its_outcomes_are_delivered(bench: Bench) -> None:
    """Else a crash would lose what was done from the record."""
    bench.outbox.gate.clear()
    event = batch(METRICS, [point("a"), point("b")])
    await bench.shell._batch(event)
    await soon(lambda: len(bench.handler.calls) == 2)
    assert not event.acknowledged
    assert bench.shell.holds() == {METRICS.name}
    bench.outbox.gate.set()
    await soon(lambda: event.acknowledged)
    assert bench.shell.holds() == set()


async def test_what_the_handler_does_not_want_is_acknowledged_at_once(bench: Bench) -> None:
    """And the handler is not asked."""
    event = batch(METRICS, [point("unwanted")])
    await bench.shell._batch(event)
    assert event.acknowledged
    assert bench.handler.calls == []


async def test_a_handler_that_fails_is_tried_again(bench: Bench) -> None:
    """With growing waits; then its outcome is published once."""
    bench.handler.failures["a"] = 2
    event = batch(METRICS, [point("a")])
    await bench.shell._batch(event)
    await soon(lambda: event.acknowledged)
    assert bench.waited_s == [1.0, 5.0]
    assert bench.done() == ["a"]


async def test_what_a_handler_fails_on_each_time_is_a_dead_letter_and_the_rest_goes_on(bench: Bench) -> None:
    """One bad record must not end the worker for ever; records behind it are handled."""
    bench.handler.failures["a"] = 3
    first, second = batch(METRICS, [point("a"), b"garbage"]), batch(METRICS, [point("a")], first=2)
    await bench.shell._batch(first)
    await bench.shell._batch(second)
    await soon(lambda: first.acknowledged and second.acknowledged)
    letters = [DEAD.decode(m.value) for m in bench.outbox.to(DEAD_LETTERS.name)]
    assert {(letter.offset, letter.reason) for letter in letters} == {(0, "effect_failed"), (1, "not_avro")}
    assert bench.done() == ["a"]


async def test_an_event_that_was_written_again_for_repair_has_no_effect(tmp_path: Path) -> None:
    """It had it when it was new."""
    calls: list[int] = []

    async def handle(received: list[Received[IncidentEvent]]) -> list[Output]:
        calls.extend(one.position.offset for one in received)
        return []

    shell = EffectShell(
        offline_app(tmp_path), Effect("effect", EVENTS, lambda r: r.record.incident_id, handle), FakeOutbox(), Wire()
    )
    value = Codec(IncidentEvent).encode(sample(IncidentEvent))
    event = batch(EVENTS, [value, value])
    event.value.records = [Raw(0, value, headers=[(REPAIR, b"signed")]), Raw(1, value)]
    await shell._batch(event)
    await soon(lambda: event.acknowledged)
    assert calls == [1]
