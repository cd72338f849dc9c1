"""The sampling stage on Faust: kept alerts go out at once, accounts and rows a few times a second, then the source is
acknowledged: sampled copies delivered, accounts delivered, rows delivered, acknowledged, in this order."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from agents.sampling.account import IncidentAccount, SamplingRules
from agents.sampling.batch import Outcome, work_through
from agents.sampling.book import AccountBook
from agents.sampling.columns import AlertDecoder
from agents.sampling.rule import expire
from agents.sampling.storms import judge
from schemas.records.intake import Alert
from schemas.records.sampling import AlertAccount
from schemas.records.vocabulary import Millis
from streams.changelog import Rows, RowTable
from streams.outbox import Message, Outbox
from streams.shell import Clock, attach_agent, wall_clock_ms
from streams.stage import Output
from streams.topics import ACCOUNT, ALERTS, SAMPLED, STORMS, Topic
from streams.transport.batch import RawRecord
from streams.wire import Wire, dead_letter

NAME = "sampling"
FLUSH_S = 0.25
# Batches that may wait for a flush: with 20,000 alerts each, the most that is sampled again after a crash.
MAX_HELD = 16


@dataclass(frozen=True, slots=True)
class EdgeTopics:
    """What sampling reads, and writes."""

    alerts: Topic = ALERTS
    sampled: Topic = SAMPLED
    account: Topic = ACCOUNT
    storms: Topic = STORMS


@dataclass(slots=True)
class _Partition:
    """What a worker holds of one partition between two flushes."""

    number: int
    book: AccountBook
    held: list[Any] = field(default_factory=list)
    sends: list[asyncio.Task[None]] = field(default_factory=list)
    flushed_at: float = 0.0


class EdgeShell:
    """Sampling in one worker; see streams.shell.StageShell for the arguments."""

    def __init__(
        self,
        app: Any,
        rules: SamplingRules,
        outbox: Outbox,
        wire: Wire,
        *,
        partitions: int,
        topics: EdgeTopics | None = None,
        clock: Clock = wall_clock_ms,
    ) -> None:
        self._app, self._rules, self._outbox, self._wire, self._clock = app, rules, outbox, wire, clock
        self._topics = topics or EdgeTopics()
        self._decoder = AlertDecoder(wire.codec(Alert))
        self._table = RowTable(app, NAME, partitions)
        self._partitions: dict[int, _Partition] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        attach_agent(app, self._topics.alerts, NAME, self._batch)
        app.on_partitions_revoked.connect(self._revoked)
        app.timer(FLUSH_S, name=f"{NAME}.flush")(self._flush_all)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        self._partitions.clear()

    def _partition(self, number: int) -> _Partition:
        if number not in self._partitions:
            self._partitions[number] = _Partition(number, AccountBook(self._table, number, self._rules))
        return self._partitions[number]

    async def _batch(self, event: Any) -> None:
        number, batch = event.message.partition, event.value
        async with self._locks.setdefault(number, asyncio.Lock()):
            if batch.void:
                return
            part = self._partition(number)
            outcome = work_through(batch.records, self._decoder, part.book.find, self._rules)
            messages = self._forwarded(number, batch.records, outcome)
            part.sends.append(asyncio.create_task(self._outbox.send(messages)))
            part.book.touch(outcome.touched)
            part.held.append(event)
            batch.records = ()  # given back before the flush: the batch object lives until it is committed
            if len(part.held) >= MAX_HELD or time.monotonic() - part.flushed_at > FLUSH_S:
                await self._flush(part)

    def _forwarded(self, number: int, records: list[RawRecord], outcome: Outcome) -> list[Message]:
        """The kept alerts, their bytes as they came, and the dead letters."""
        name = self._topics.sampled.name
        kept = [
            Message(name, key.encode(), records[i].value, headers={"source-offset": b"%d" % records[i].offset})
            for i, key in zip(outcome.kept, outcome.keys, strict=True)
        ]
        letters = [
            dead_letter(NAME, self._topics.alerts.name, number, records[i], error) for i, error in outcome.dead.items()
        ]
        return kept + self._wire.messages(letters)

    async def _flush_all(self) -> None:
        if self._app.rebalancing:
            return
        for tp in self._app.consumer.assignment():
            if tp.topic == self._topics.alerts.name:
                async with self._locks.setdefault(tp.partition, asyncio.Lock()):
                    if self._app.rebalancing:
                        return
                    await self._flush(self._partition(tp.partition))

    async def _flush(self, part: _Partition) -> None:
        outputs, rows = self._tell(part, self._clock())
        held, sends = part.held, part.sends
        part.held, part.sends = [], []
        part.flushed_at = time.monotonic()
        await asyncio.gather(*sends)
        await self._outbox.send(self._wire.messages(outputs))
        if self._partitions.get(part.number) is not part:
            return
        await self._outbox.send(self._table.messages(part.number, rows))
        if self._partitions.get(part.number) is not part:
            return
        self._table.put(part.number, rows)
        part.book.evict()
        for event in held:
            event.ack()

    def _tell(self, part: _Partition, now: Millis) -> tuple[list[Output], Rows]:
        outputs: list[Output] = []
        rows: Rows = part.book.forget(now)
        for account in part.book.take_touched(now):
            change = judge(account, self._rules, part.number, now)
            if change is not None:
                outputs.append(Output(self._topics.storms, account.incident_id, change))
            silent = now - account.arrived_at > self._rules.lateness_ms
            closing = sorted(account.windows) if silent else expire(account, self._rules)
            outputs += self._accounts(account, part.number, set(closing))
            for start in closing:
                del account.windows[start]
            rows[account.incident_id.encode()] = part.book.row(account)
        return outputs, rows

    def _accounts(self, account: IncidentAccount, partition: int, closing: set[Millis]) -> list[Output]:
        """The windows that changed or close, as events."""
        told = []
        for start, window in sorted(account.windows.items()):
            if not (window.changed or start in closing):
                continue
            window.changed = False
            received, kept, suppressed, late, dead = window.counts
            totals = account.totals
            record = AlertAccount(
                incident_id=account.incident_id, tenant=account.tenant, service=account.service, tier=account.tier,
                window_start=start, window_ms=self._rules.window_ms, received=received, kept=kept, suppressed=suppressed,
                late=late, dead_lettered=dead, closed=start in closing, total_received=totals[0], total_kept=totals[1],
                total_suppressed=totals[2], total_late=totals[3], total_dead_lettered=totals[4], partition=partition,
                first_offset=window.first_offset, upto=account.upto,
            )  # fmt: skip
            told.append(Output(self._topics.account, account.incident_id, record))
        return told
