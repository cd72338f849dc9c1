"""Runs a pure Stage on Faust: decode a batch, decide, publish, write rows, acknowledge, in this order and never another.

Outputs are delivered before rows, rows before the acknowledgement. So a crash at any point repeats work and loses none: a
record that a row has seen was published, and one that it has not seen is decided on again from the state of before.
A record that cannot be read, or that a decision fails on, becomes a dead letter, and the next is decided on.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from schemas.errors import DecodeError
from state.clock import wall_clock_ms
from streams.answers import AnswersNoted
from streams.changelog import RowTable
from streams.deciding import PartitionDecisions
from streams.journal import Basis, PartitionJournal
from streams.metering import attended
from streams.outbox import Message, Outbox
from streams.rows import PartitionRows
from streams.stage import SharingStage, Stage
from streams.topics import Topic
from streams.transport.batch import Batch, BatchSchema, RawRecord
from streams.turns import Turns
from streams.views import ViewReader
from streams.wire import Wire, dead_letter, written_again

log = structlog.get_logger()

# Records decided on before other tasks of the loop get a turn: at 100 µs a decision, 20 ms.
SLICE = 200
TICK_S = 1.0
# The reason of a dead letter on which a decision failed.
FAILED = "stage_failed"
# Batches that may wait for a write, where a stage's rows are held back.
MOST_HELD = 200

Clock = Callable[[], int]


def attach_agent(app: Any, topic: Topic, name: str, handle: Callable[[Any], Any]) -> None:
    """Register an agent that hands every batch event of a topic to `handle`, which acknowledges it itself."""
    source = app.topic(topic.name, schema=BatchSchema(key_type=bytes, value_type=bytes))
    app.readers[topic.name] += 1

    async def consume(stream: Any) -> None:
        async for event in stream.noack().events():
            await handle(attended(app, name, event))

    app.agent(source, name=f"{name}.{topic.name}")(consume)


@dataclass(slots=True)
class _Waiting:
    """Batches of a partition that are decided on, and what they gave; neither published nor written nor acknowledged yet."""

    since_s: float = field(default_factory=time.monotonic)
    events: list[Any] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def due(self, hold_s: float) -> bool:
        """Whether they have waited for long enough."""
        return len(self.events) >= MOST_HELD or time.monotonic() - self.since_s >= hold_s


class StageShell:
    """One stage in one worker.

    Args:
        app: the Faust app. stage: what to run. outbox: where records go out. wire: the codecs.
        partitions: of every topic. bootstrap: for the stage's views. clock: epoch ms, for ticks.
        basis: what the stage decides by, for the decision journal; None writes none. answers: through which the stage asks.
        hold_s: publish, write rows and acknowledge no more often, for stages whose rows are large. most: as many states are
            kept of a partition, those written last.
    """

    def __init__(
        self, app: Any, stage: Stage[Any] | SharingStage[Any], outbox: Outbox, wire: Wire, *, partitions: int, bootstrap: str,
        clock: Clock = wall_clock_ms, basis: Basis | None = None, answers: AnswersNoted | None = None, hold_s: float = 0.0,
        most: int | None = None,
    ) -> None:  # fmt: skip
        self.stage = stage
        self._hold_s, self._most = hold_s, most
        self._waiting: dict[int, _Waiting] = {}
        self._basis, self._answers = basis, answers
        self._app, self._outbox, self._wire, self._clock = app, outbox, wire, clock
        self._table = RowTable(app, stage.name, partitions)
        self._sources = {topic.name: topic for topic in stage.sources}
        self._partitions: dict[int, PartitionDecisions[Any]] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._turns = Turns()
        self._views = ViewReader(bootstrap, stage.views, stage.observe, wire)
        for topic in stage.sources:
            attach_agent(app, topic, stage.name, self._batch)
        app.on_partitions_revoked.connect(self._revoked)
        app.timer(TICK_S, name=f"{stage.name}.ticks")(self._tick)

    def start(self) -> None:
        """Begin to follow the stage's views. Called on the running loop."""
        self._views.start()

    def close(self) -> None:
        """Stop following views."""
        self._views.close()

    async def _revoked(self, *_: Any, **__: Any) -> None:
        # Rows come back from the table, records from the committed offset. A batch under way finds its rows gone.
        self._partitions.clear()
        self._waiting.clear()
        self._table.let_go()

    def _held(self, partition: int) -> PartitionDecisions[Any]:
        if partition not in self._partitions:
            rows = PartitionRows(self.stage, self._table, partition, self._most)
            self._partitions[partition] = PartitionDecisions(self.stage, rows, self._wire, self._journal(partition))
        return self._partitions[partition]

    def _journal(self, partition: int) -> PartitionJournal | None:
        if self._basis is None:
            return None
        epoch = self._table.epoch(partition)
        return PartitionJournal(self.stage.name, partition, epoch, self._basis, self._answers)

    async def _batch(self, event: Any) -> None:
        await self._views.caught_up.wait()
        partition, batch = event.message.partition, event.value
        async with self._locks.setdefault(partition, asyncio.Lock()):
            if batch.void:
                return
            held = self._held(partition)
            waiting = self._waiting.setdefault(partition, _Waiting())
            waiting.messages += await self._decide(held, self._sources[event.message.topic], partition, batch)
            waiting.events.append(event)
            if waiting.due(self._hold_s):
                await self._let_out(partition, held, waiting)

    async def _decide(self, held: PartitionDecisions[Any], topic: Topic, partition: int, batch: Batch) -> list[Message]:
        messages: list[Message] = []
        dead: Counter[str] = Counter()
        told: set[type] = set()
        read = batch.read if self._app.readers[topic.name] > 1 else None
        for number, raw in enumerate(batch.records):
            if written_again(topic, raw):
                continue
            try:
                messages += held.record(self._wire.received(topic, partition, raw, read))
            except DecodeError as error:
                dead[error.reason] += 1
                messages.append(self._dead(topic, partition, raw, error))
            except Exception as error:
                if type(error) not in told:
                    told.add(type(error))
                    log.exception("a decision failed", stage=self.stage.name, topic=topic.name, offset=raw.offset)
                dead[FAILED] += 1
                fault = DecodeError(FAILED, f"{self.stage.name}: {type(error).__name__}: {error}")
                messages.append(self._dead(topic, partition, raw, fault))
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if dead:
            # One line a batch: whoever may write to a topic could fill the disk with a line a record.
            log.warning("dead letters", stage=self.stage.name, topic=topic.name, upto=batch.last, reasons=dict(dead))
        return messages

    def _dead(self, topic: Topic, partition: int, raw: RawRecord, error: DecodeError) -> Message:
        return self._wire.message(dead_letter(self.stage.name, topic.name, partition, raw, error))

    async def _let_out(self, partition: int, held: PartitionDecisions[Any], waiting: _Waiting) -> None:
        """Publish, write rows and acknowledge."""
        self._waiting.pop(partition, None)
        if await self._flush(partition, held, waiting.messages):
            for event in waiting.events:
                event.ack()

    async def _flush(self, partition: int, held: PartitionDecisions[Any], messages: list[Message]) -> bool:
        """Publish, then write rows; False where the partition was taken away meanwhile: nothing more may be written."""
        await self._outbox.send([*held.written(), *messages])
        if self._partitions.get(partition) is not held:
            return False
        dirty = await self._turns.through(held.rows.take_dirty())
        if self._partitions.get(partition) is not held:
            return False
        await self._outbox.send(self._table.messages(partition, dirty))
        if self._partitions.get(partition) is not held:
            return False
        self._table.put(partition, dirty)
        return True

    async def _tick(self) -> None:
        if self._app.rebalancing or not self._views.caught_up.is_set():
            return
        for tp in self._app.consumer.assignment():
            if tp.topic == self.stage.sources[0].name:
                async with self._locks.setdefault(tp.partition, asyncio.Lock()):
                    if self._app.rebalancing:
                        return
                    # A tick on rows that are still being recovered would go on with a state of the past.
                    if self._table.holds(tp.partition):
                        await self._tick_partition(tp.partition)

    async def _tick_partition(self, partition: int) -> None:
        held, waiting = self._held(partition), self._waiting.get(partition, _Waiting())
        if waiting.events and not waiting.due(self._hold_s):
            return  # a tick's rows would say of these batches that they were published
        now = self._clock()
        for number, key in enumerate(held.rows.turn()):
            waiting.messages += held.tick(key, now)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        await self._let_out(partition, held, waiting)
