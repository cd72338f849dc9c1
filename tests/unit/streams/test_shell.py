"""How a stage is run: each record once, what fails set aside, acknowledged when all of it is delivered."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.codec import Codec
from schemas.records.intake import LogLine, MetricPoint
from schemas.records.log import DeadLetter
from streams.shell import StageShell
from streams.stage import Output, Received, Step
from streams.topics import DEAD_LETTERS, LOGS, METRICS, Topic
from streams.wire import Wire
from tests.support.shells import FakeEvent, FakeOutbox, batch, offline_app
from tests.support.streaming import point
from tests.support.worker import POISON, CountingStage, count_line

SECOND = Topic("second", MetricPoint)
UNWRITABLE, ENORMOUS, FORGET = -2.0, -3.0, -4.0
DEAD, LINES = Codec(DeadLetter), Codec(LogLine)


class WilfulStage(CountingStage):
    """Counts; waits for a tick while its count is odd; some values make it misbehave."""

    def decide(self, state: int, received: Received[MetricPoint]) -> Step[int]:
        line = count_line(received, state + 1)
        match received.record.value:
            case -2.0:
                line = LogLine(**{**_fields(line), "message": 5})
            case -3.0:
                line = LogLine(**{**_fields(line), "message": "x" * (3 << 20)})
            case -4.0:
                return Step(None)
        if received.record.value in (UNWRITABLE, ENORMOUS):
            return Step(99, (Output(self.out, "k", line),))
        return super().decide(state, received)

    def waits(self, state: int) -> bool:
        return state % 2 == 1

    def tick(self, key: str, state: int, now: int) -> Step[int] | None:  # type: ignore[override]
        if key == "broken":
            raise ValueError("a tick that fails")
        return Step(state + 1) if now > 1_000 else None


def _fields(line: LogLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in LogLine.__slots__}


class Bench:
    """The shell, what it sent, and the counts that its rows hold."""

    def __init__(self, folder: Path, hold_s: float = 0.0) -> None:
        self.app, self.outbox, self.now = offline_app(folder), FakeOutbox(), 0
        stage = WilfulStage((METRICS, SECOND), LOGS)
        self.shell = StageShell(
            self.app, stage, self.outbox, Wire(), partitions=4, bootstrap="127.0.0.1:1", clock=lambda: self.now,
            hold_s=hold_s,
        )  # fmt: skip
        self.shell.start()
        self.changelog = f"{self.app.conf.id}-counting-changelog"

    async def take(self, event: FakeEvent) -> FakeEvent:
        await self.shell._batch(event)
        return event

    def counts(self) -> list[str]:
        """The counts that were published, in order."""
        return [LINES.decode(m.value).message for m in self.outbox.to(LOGS.name)]

    def reasons(self) -> list[str]:
        """Of the dead letters."""
        return [DEAD.decode(m.value).reason for m in self.outbox.to(DEAD_LETTERS.name)]

    def rows_sent(self) -> dict[bytes | None, bytes | None]:
        """The rows in the changelog, each as it was sent last."""
        return {m.key: m.value for m in self.outbox.to(self.changelog)}


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_records_are_decided_on_in_order_and_the_batch_is_acknowledged(bench: Bench) -> None:
    """Outputs before rows, rows before the acknowledgement."""
    event = await bench.take(batch(METRICS, [point("a"), point("a"), point("b")]))
    assert event.acknowledged
    assert bench.counts() == ["1", "2", "1"]
    assert [group[0].topic for group in bench.outbox.sent] == [LOGS.name, bench.changelog]


async def test_a_redelivered_record_is_passed_over(bench: Bench) -> None:
    """The row says how far the source is in it; what follows is decided on."""
    values = [point("a"), point("a")]
    await bench.take(batch(METRICS, values))
    event = await bench.take(batch(METRICS, [*values, point("a")]))
    assert event.acknowledged
    assert bench.counts() == ["1", "2", "3"]


async def test_sources_are_told_apart(bench: Bench) -> None:
    """The same offset of another topic is another record."""
    await bench.take(batch(METRICS, [point("a")]))
    await bench.take(batch(SECOND, [point("a")]))
    assert bench.counts() == ["1", "2"]


async def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_flows(bench: Bench) -> None:
    """Byte for byte, with its place; once, however many stages or deliveries meet it: its id is its place."""
    for _ in range(2):
        event = await bench.take(batch(METRICS, [point("a"), b"garbage", point("a")]))
        assert event.acknowledged
    letters = [DEAD.decode(m.value) for m in bench.outbox.to(DEAD_LETTERS.name)]
    assert {(letter.value, letter.offset, letter.reason) for letter in letters} == {(b"garbage", 1, "not_avro")}
    assert len({letter.dead_letter_id for letter in letters}) == 1
    assert bench.counts() == ["1", "2"]


async def test_dead_letters_fill_no_log(bench: Bench) -> None:
    """However many a batch holds, it is one line, which tells how many for which reason."""
    with capture_logs() as told:
        await bench.take(batch(METRICS, [b"no record"] * 300 + [point("a", POISON)] * 200))
    assert len(bench.reasons()) == 500
    lines = [line for line in told if line["log_level"] in ("warning", "error")]
    assert [line["event"] for line in lines] == ["a decision failed", "dead letters"]
    assert sum(lines[-1]["reasons"].values()) == 500


@pytest.mark.parametrize("value", [POISON, UNWRITABLE, ENORMOUS])
async def test_a_decision_that_fails_is_a_dead_letter_and_leaves_no_trace(bench: Bench, value: float) -> None:
    """It raises, or its outputs cannot be written: the state is as before, and the next record is decided on."""
    event = await bench.take(batch(METRICS, [point("a"), point("a", value), point("a")]))
    assert event.acknowledged
    assert bench.reasons() == ["stage_failed"]
    assert bench.counts() == ["1", "2"]


async def test_a_forgotten_key_is_removed_and_begins_anew(bench: Bench) -> None:
    """Its row becomes a tombstone in the changelog."""
    await bench.take(batch(METRICS, [point("a"), point("a", FORGET)]))
    assert bench.rows_sent() == {b"a": None}
    await bench.take(batch(METRICS, [point("a")], first=2))
    assert bench.counts() == ["1", "1"]


async def test_nothing_is_acknowledged_before_it_is_delivered(bench: Bench) -> None:
    """A crash while Kafka has not answered repeats the batch."""
    bench.outbox.gate.clear()
    event = batch(METRICS, [point("a")])
    task = asyncio.create_task(bench.take(event))
    await asyncio.sleep(0)
    assert not event.acknowledged
    bench.outbox.gate.set()
    await task
    assert event.acknowledged


async def test_a_batch_whose_partition_is_taken_away_meanwhile_writes_no_rows(bench: Bench) -> None:
    """The next owner may have written them already."""
    bench.outbox.gate.clear()
    event = batch(METRICS, [point("a")])
    task = asyncio.create_task(bench.take(event))
    await asyncio.sleep(0)
    await bench.app.on_partitions_revoked.send(set())
    bench.outbox.gate.set()
    await task
    assert not event.acknowledged
    assert bench.rows_sent() == {}


async def test_a_void_batch_is_not_begun(bench: Bench) -> None:
    """It waited for its turn while its partition went to another worker."""
    event = batch(METRICS, [point("a")])
    event.value.void = True
    await bench.take(event)
    assert not event.acknowledged
    assert bench.outbox.sent == []


async def test_ticks_reach_those_who_wait_and_a_failing_one_stops_nobody(bench: Bench) -> None:
    """The key whose tick fails waits for its next record; the others are ticked."""
    await bench.take(batch(METRICS, [point("broken"), point("a"), point("b"), point("b")]))
    bench.now = 2_000
    await bench.shell._tick_partition(0)
    await bench.take(batch(METRICS, [point("a"), point("b"), point("broken")], first=4))
    assert bench.counts() == ["1", "1", "1", "2", "3", "3", "2"]


async def test_batches_that_are_held_back_are_written_and_acknowledged_together(tmp_path: Path) -> None:
    """A stage with large rows writes them now and then: till then nothing is published or acknowledged, by a tick neither."""
    bench = Bench(tmp_path, hold_s=0.2)
    first = await bench.take(batch(METRICS, [point("a"), point("a")]))
    await bench.shell._tick_partition(0)
    assert (first.acknowledged, bench.outbox.sent) == (False, [])
    assert len(first.value.records) == 2  # other stages are given the same batch
    second = await bench.take(batch(METRICS, [point("a")], first=2))
    while not second.acknowledged:
        await asyncio.sleep(0)
        await bench.shell._tick_partition(0)
    assert first.acknowledged
    assert bench.counts()[:3] == ["1", "2", "3"]
    assert len(bench.outbox.to(bench.changelog)) == 1


async def test_batches_that_are_held_back_are_void_when_their_partition_goes(tmp_path: Path) -> None:
    """They come again, to whoever has it then; nothing of them was published."""
    bench = Bench(tmp_path, hold_s=60.0)
    event = await bench.take(batch(METRICS, [point("a")]))
    await bench.shell._revoked()
    await bench.shell._tick_partition(0)
    assert not event.acknowledged
    assert bench.counts() == []
