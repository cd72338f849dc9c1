"""The sampling stage on Faust: kept alerts go out at once, accounts and rows about once a second (sooner where little waits),
then the source is acknowledged: sampled copies delivered, accounts delivered, rows delivered, acknowledged, in this order.

What a flush tells is put down while nothing is decided on that partition; delivering it takes round trips to Kafka, and the
next batches are decided on meanwhile. Of one partition one flush is under way at a time.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import structlog

from agents.sampling.account_rows import POSITION, RowLoader, position_of
from agents.sampling.batch import Kept, Outcome, Sampler
from agents.sampling.columns import AlertDecoder, Ints
from agents.sampling.gathering import Gathering
from agents.sampling.incidents import Incidents
from agents.sampling.rules import SamplingRules
from agents.sampling.telling import SLICE, tell
from schemas.errors import DecodeError
from schemas.records.intake import Alert
from schemas.records.sampling import AlertAccount, StormChanged
from state.clock import wall_clock_ms
from streams.apps import SAMPLED_AT_ONCE
from streams.changelog import Rows, RowTable
from streams.forwarding import Forwarder
from streams.outbox import Message, Outbox
from streams.partitioning import partition_of
from streams.shell import Clock, attach_agent
from streams.stage import Output
from streams.topics import ACCOUNT, ALERTS, SAMPLED, STORMS, Topic
from streams.turns import Steps, Turns
from streams.wire import Wire, dead_letter

log = structlog.get_logger()

NAME = "sampling"
# Rows and accounts are an incident's each time: the more often, the more there are.
FLUSH_S = 1.0
# Where little waits it is told of sooner.
LOOK_S = 0.25
LITTLE = 2_000
# Intervals between flushes differ by so much, from each of four partitions to the next, so that they seldom meet.
_APART_S = 0.07
# Where a partition was worked on just now, what comes is gathered for so long, unless so much waits already.
GATHER_S = 0.03
ENOUGH = 4_000
# Alerts of a partition that may wait for a flush, and as many again for one that is under way: the most that is sampled again
# after a crash. Alerts and not batches: those that come as they are sent are small, and a flush takes round trips to Kafka.
MAX_HELD = 80_000
# Alerts of a partition that may wait to be worked through, beside those that are.
MOST_WAITING = 2 * SAMPLED_AT_ONCE
# Events, or rows, of a flush that are under way at once: a flush of a quarter of a million incidents would be as many messages.
MOST_SENT = 5_000
# How long a worker that stops waits for what is under way.
LAST_FLUSH_S = 5.0
# Rows read in one step: some 20 ms.
LOAD_SLICE = 1_000


@dataclass(frozen=True, slots=True)
class EdgeTopics:
    """What sampling reads, and writes."""

    alerts: Topic = ALERTS
    sampled: Topic = SAMPLED
    account: Topic = ACCOUNT
    storms: Topic = STORMS


@dataclass(slots=True)
class _Partition:
    """What a worker holds of one partition between two flushes; `alerts` are those in `held`. Times: s, monotonic clock."""

    number: int
    sampler: Sampler
    held: list[Any] = field(default_factory=list)
    sends: list[asyncio.Task[None]] = field(default_factory=list)
    alerts: int = 0
    flushed_at: float = 0.0
    worked_at: float = 0.0
    flushing: asyncio.Task[None] | None = None

    def due(self) -> bool:
        """Whether it is time to flush; one that is under way is waited for only where as many alerts wait as it may take."""
        if self.alerts >= MAX_HELD:
            return True
        waited_s = time.monotonic() - self.flushed_at
        under_way = self.flushing is not None and not self.flushing.done()
        every_s = FLUSH_S + _APART_S * (self.number % 4)
        return not under_way and (waited_s > every_s or (waited_s > LOOK_S and self.alerts < LITTLE))

    async def flushed(self) -> None:
        """Return once no flush is under way; what one failed of is raised."""
        if self.flushing is not None:
            await asyncio.shield(self.flushing)  # who waits may be cancelled, what is delivered goes on
            self.flushing = None


@dataclass(frozen=True, slots=True)
class _Flush:
    """What a flush delivers, in this order: kept alerts that are under way, events, rows; and what it acknowledges then."""

    sends: list[asyncio.Task[None]]
    outputs: list[Output]
    rows: Rows
    held: list[Any]


class EdgeShell:
    """Sampling in one worker; see streams.shell.StageShell for the arguments."""

    def __init__(
        self, app: Any, rules: SamplingRules, outbox: Outbox, forwarder: Forwarder, wire: Wire, *, partitions: int,
        topics: EdgeTopics | None = None, clock: Clock = wall_clock_ms,
    ) -> None:  # fmt: skip
        self._app, self._rules, self._outbox, self._wire, self._clock = app, rules, outbox, wire, clock
        self._forwarder = forwarder
        self._topics = topics or EdgeTopics()
        self._decoder = AlertDecoder(wire.codec(Alert))
        self._table = RowTable(app, f"{NAME}-accounts", partitions)
        self._partitions: dict[int, _Partition] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._turns = Turns()
        self._home = lru_cache(maxsize=100_000)(lambda key: partition_of(key.encode(), partitions))
        app.unopened.add(self._topics.alerts.name)
        self._waiting: dict[int, Gathering] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._stopping = False
        attach_agent(app, self._topics.alerts, NAME, self._arrived)
        app.on_partitions_revoked.connect(self._revoked)
        app.on_before_shutdown.connect(self._stop, weak=False)
        app.timer(LOOK_S, name=f"{NAME}.flush")(self._flush_all)

    async def _stop(self, *_: Any, **__: Any) -> None:
        self._stopping = True
        for task in self._under_way:
            task.cancel()  # what it was to sample comes again
        under_way = [part.flushing for part in self._partitions.values() if part.flushing is not None]
        if under_way:
            # What they do not come to is sampled again.
            await asyncio.wait(under_way, timeout=LAST_FLUSH_S)
        await self._forwarder.close()

    async def _revoked(self, *_: Any, **__: Any) -> None:
        # Rows come back from the table, batches from the committed offset. A batch under way finds its partition gone.
        self._partitions.clear()
        self._table.let_go()

    async def _partition(self, number: int) -> _Partition | None:
        """What is held of a partition, read from its rows where it is new; None where it was lost while they were read."""
        if number not in self._partitions:
            part = _Partition(number, Sampler(Incidents(), -1, self._decoder, self._rules))
            self._partitions[number] = part
            # In turns with the others' work: the first partition that is back tells of its alerts while the next ones are read.
            if not await self._turns.through(self._read(part)):
                return None
        return self._partitions[number]

    def _read(self, part: _Partition) -> Steps[bool]:
        """Read a partition's rows; False where it was lost meanwhile."""
        loader = RowLoader(part.sampler.state)
        for count, key in enumerate(self._table.keys(part.number)):
            row = self._table.get(part.number, key)
            try:
                if key == POSITION:
                    part.sampler.upto = position_of(row)
                elif row is not None:
                    loader.add(row)
            except DecodeError as error:
                # Not ours, or damaged: what it held is counted anew where it comes again; the account tells of the rest.
                named = key.decode(errors="replace")
                log.error("a row is passed over", partition=part.number, key=named, error=str(error))
            if count % LOAD_SLICE == LOAD_SLICE - 1:
                yield
                if self._partitions.get(part.number) is not part:
                    return False
        loader.finish()
        return True

    async def _arrived(self, event: Any) -> None:
        """Have a batch worked through as soon as it can be; returns at once, unless as many wait as may."""
        self._raise_failure()
        number = event.message.partition
        waiting = self._waiting.setdefault(number, Gathering())
        while waiting.alerts >= MOST_WAITING and self._under_way:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            self._raise_failure()
        waiting.add(event)
        task = asyncio.create_task(self._batch(number, event, waiting))
        self._under_way.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # the stream hears of it by `_failure`

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """What fails here ends all of it, at once: were what comes behind told of, what failed would pass for counted."""
        self._raise_failure()
        try:
            yield
        except Exception as error:
            self._failure = self._failure or error
            raise

    async def _batch(self, number: int, event: Any, waiting: Gathering) -> None:
        """Work a batch through, and with it what has come of its partition meanwhile."""
        async with self._locks.setdefault(number, asyncio.Lock()):
            with self._noted():
                if waiting.holds(event):  # else it was worked through with one before it
                    await self._work(number, event, waiting)

    async def _work(self, number: int, event: Any, waiting: Gathering) -> None:
        part = None if event.value.void else await self._partition(number)
        if part is not None:
            await self._gather(part, waiting)
        async with self._turns:
            if part is None or event.value.void or self._partitions.get(number) is not part:
                waiting.drop(event)  # of this one alone: the others may be of a later assignment
                return
            events, alerts = waiting.take()
            part.worked_at = time.monotonic()
            outcome = part.sampler.work_through([record for one in events for record in one.value.records])
        part.sends.append(asyncio.create_task(self._send(number, outcome)))
        part.alerts += alerts
        part.held += events
        for one in events:
            one.value.records = ()  # given back before the flush: the batch object lives until it is committed
        if part.due():
            await self._flush(part)

    async def _gather(self, part: _Partition, waiting: Gathering) -> None:
        """Return once the partition was not worked on just now; at once where so much waits already."""
        wait_s = part.worked_at + GATHER_S - time.monotonic()
        if wait_s > 0 and waiting.alerts < ENOUGH:
            await asyncio.sleep(wait_s)

    async def _send(self, number: int, outcome: Outcome) -> None:
        """Send the kept alerts, their bytes as they came, and the dead letters."""
        sends = [self._forward(number, kept) for kept in outcome.kept]
        name = self._topics.alerts.name
        letters = [dead_letter(NAME, name, number, record, error) for record, error in outcome.dead]
        await asyncio.gather(*sends, self._outbox.send(self._wire.messages(letters)))

    async def _forward(self, number: int, kept: Kept) -> None:
        pieces = kept.log.pieces(kept.places)
        if pieces is None:
            await self._one_by_one(number, kept, np.arange(len(kept.places)))
            return
        # Keyed by its incident an alert is where its sampled copy belongs, and goes on as it is.
        home = np.asarray([self._home(incident_id) == number for incident_id in kept.ids], bool)
        as_it_is = home[kept.codes] & pieces.keyed
        chosen = np.flatnonzero(as_it_is)
        sends = [self._one_by_one(number, kept, np.flatnonzero(~as_it_is))]
        if len(chosen):
            sends.append(self._forwarder.send(self._topics.sampled.name, number, *pieces.records(chosen)))
        await asyncio.gather(*sends)

    async def _one_by_one(self, number: int, kept: Kept, chosen: Ints) -> None:
        """Send copies as records of their own; one that leaves the number of its partition says which it was."""
        name, messages = self._topics.sampled.name, []
        for place, code in zip(kept.places[chosen].tolist(), kept.codes[chosen].tolist(), strict=True):
            record = kept.log.record(place)
            incident_id = kept.ids[code]
            headers = {"source-offset": b"%d" % record.offset}
            if self._home(incident_id) != number:
                headers["source-partition"] = b"%d" % number
            messages.append(Message(name, incident_id.encode(), record.value, headers=headers))
        await self._outbox.send(messages)

    async def _flush_all(self) -> None:
        self._raise_failure()
        if self._app.rebalancing:
            return
        for tp in self._app.consumer.assignment():
            lock = self._locks.setdefault(tp.partition, asyncio.Lock())
            # One that is worked on is flushed by its batches, and holds the others up no longer than they do.
            if tp.topic == self._topics.alerts.name and not lock.locked():
                async with lock:
                    with self._noted():
                        await self._flush_due(tp.partition)

    async def _flush_due(self, number: int) -> None:
        # Rows that are still being recovered would make an account that begins anew.
        ready = not self._app.rebalancing and self._table.holds(number)
        part = await self._partition(number) if ready else None
        if part is not None and part.due():
            await self._flush(part)

    async def _flush(self, part: _Partition) -> None:
        """Begin a flush, with all that was decided up to now; the one before it is over then."""
        await part.flushed()
        self._raise_failure()
        if self._stopping:
            return  # what is told of may be half told, by a batch that was cancelled
        state = part.sampler.state
        told = await self._turns.through(tell(state, self._rules, part.number, self._clock()))
        held, sends = part.held, part.sends
        part.held, part.sends, part.alerts = [], [], 0
        part.flushed_at = time.monotonic()
        rows = await self._turns.through(told.rows(state))
        if self._partitions.get(part.number) is not part:
            return  # taken away meanwhile: whoever has it now counts from the last rows on
        if held:
            part.sampler.upto = held[-1].value.last
        if rows or held:
            # After the others: what is up to there, they have counted. With each of them, so that all are of one epoch.
            rows[POSITION] = b"%d" % part.sampler.upto
        flush = _Flush(sends, self._outputs(told.accounts, told.storms), rows, held)
        part.flushing = asyncio.create_task(self._deliver(part, flush))

    async def _deliver(self, part: _Partition, flush: _Flush) -> None:
        await asyncio.gather(*flush.sends)
        await self._publish(flush.outputs)
        if self._failure is not None or self._partitions.get(part.number) is not part:
            return
        keys = list(flush.rows)
        for begin in range(0, len(keys), MOST_SENT):
            some = {key: flush.rows[key] for key in keys[begin : begin + MOST_SENT]}
            await self._outbox.send(self._table.messages(part.number, some))
            if self._partitions.get(part.number) is not part:
                return
            self._table.put(part.number, some)
        for event in flush.held:
            event.ack()

    async def _publish(self, outputs: Sequence[Output]) -> None:
        """Send events, and wait for all of them."""
        for begin in range(0, len(outputs), MOST_SENT):
            await self._outbox.send(await self._turns.through(self._messages(outputs[begin : begin + MOST_SENT])))

    def _messages(self, outputs: Sequence[Output]) -> Steps[list[Message]]:
        messages: list[Message] = []
        for begin in range(0, len(outputs), SLICE):
            messages += self._wire.messages(outputs[begin : begin + SLICE])
            yield
        return messages

    def _outputs(self, accounts: Sequence[AlertAccount], storms: Sequence[StormChanged]) -> list[Output]:
        topics = self._topics
        return [
            *(Output(topics.storms, storm.incident_id, storm) for storm in storms),
            *(Output(topics.account, account.incident_id, account) for account in accounts),
        ]
