"""The sampling stage on Faust: kept alerts go out at once, accounts and rows a few times a second, then the source is
acknowledged: sampled copies delivered, accounts delivered, rows delivered, acknowledged, in this order."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from agents.sampling.account import IncidentAccount, SamplingRules
from agents.sampling.batch import work_through
from agents.sampling.columns import AlertDecoder
from agents.sampling.rule import expire
from agents.sampling.storms import judge
from schemas.records.sampling import AlertAccount
from schemas.records.vocabulary import Millis
from streams.outbox import Message, Outbox
from streams.rows import RowTable
from streams.shell import Clock, attach_agent, wall_clock_ms
from streams.stage import Output
from streams.topics import ACCOUNT, ALERTS, SAMPLED, STORMS
from streams.wire import Wire, dead_letter

log = structlog.get_logger()

NAME = "sampling"
FLUSH_S = 0.25
# Batches that may wait for a flush: with 20,000 alerts each, the most that is sampled again after a crash.
MAX_HELD = 16


@dataclass(slots=True)
class _Partition:
    """What a worker holds of one partition between two flushes."""

    number: int
    accounts: dict[str, IncidentAccount] = field(default_factory=dict)
    touched: dict[str, IncidentAccount] = field(default_factory=dict)
    open_ids: set[str] = field(default_factory=set)
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
        clock: Clock = wall_clock_ms,
    ) -> None:
        self._app, self._rules, self._outbox, self._wire, self._clock = app, rules, outbox, wire, clock
        self._decoder = AlertDecoder()
        self._table = RowTable(app, NAME, partitions)
        self._partitions: dict[int, _Partition] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        attach_agent(app, ALERTS, NAME, self._batch)
        app.on_partitions_revoked.connect(self._revoked)
        app.timer(FLUSH_S, name=f"{NAME}.flush")(self._flush_all)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        self._partitions.clear()

    def _partition(self, number: int) -> _Partition:
        if number not in self._partitions:
            part = self._partitions[number] = _Partition(number)
            cut = len(b"%d:" % number)
            part.open_ids = {key[cut:].decode() for key in self._table.keys(number, waiting=True)}
        return self._partitions[number]

    def _find(self, part: _Partition, incident_id: str) -> IncidentAccount:
        account = part.accounts.get(incident_id)
        if account is None:
            row = self._table.get(b"%d:" % part.number + incident_id.encode())
            account = IncidentAccount(incident_id) if row is None else IncidentAccount.load(orjson.loads(row)["s"])
            part.accounts[incident_id] = account
        return account

    async def _batch(self, event: Any) -> None:
        number, batch = event.message.partition, event.value
        async with self._locks.setdefault(number, asyncio.Lock()):
            part = self._partition(number)
            records = batch.records
            outcome = work_through(records, self._decoder, lambda i: self._find(part, i), self._rules)
            messages = [
                Message(
                    SAMPLED.name, records[i].key, records[i].value, headers={"source-offset": b"%d" % records[i].offset}
                )
                for i in outcome.kept
            ]
            letters = [dead_letter(NAME, ALERTS.name, number, records[i], error) for i, error in outcome.dead.items()]
            part.sends.append(asyncio.create_task(self._outbox.send(messages + self._wire.messages(letters))))
            part.touched.update(outcome.touched)
            part.open_ids.update(outcome.touched)
            part.held.append(event)
            batch.records = ()  # given back before the flush: the batch object lives until it is committed
            if len(part.held) >= MAX_HELD or time.monotonic() - part.flushed_at > FLUSH_S:
                await self._flush(part)

    async def _flush_all(self) -> None:
        if self._app.rebalancing or self._app.in_recovery:
            return
        for tp in self._app.consumer.assignment():
            if tp.topic == ALERTS.name:
                async with self._locks.setdefault(tp.partition, asyncio.Lock()):
                    await self._flush(self._partition(tp.partition))

    async def _flush(self, part: _Partition) -> None:
        now = self._clock()
        self._wake(part, now)
        outputs, rows = self._tell(part, now)
        held, sends = part.held, part.sends
        part.held, part.sends, part.touched = [], [], {}
        part.flushed_at = time.monotonic()
        await asyncio.gather(*sends)
        await self._outbox.send(self._wire.messages(outputs))
        if self._partitions.get(part.number) is not part:
            return
        await self._outbox.send(self._table.messages(part.number, rows))
        if self._partitions.get(part.number) is not part:
            return
        self._table.put(rows)
        for event in held:
            event.ack()

    def _wake(self, part: _Partition, now: Millis) -> None:
        """Incidents with open windows that fell silent are told of once more: their windows close, their storm ends."""
        for incident_id in part.open_ids - part.touched.keys():
            account = self._find(part, incident_id)
            if now - account.arrived_at > self._rules.lateness_ms:
                part.touched[incident_id] = account

    def _tell(self, part: _Partition, now: Millis) -> tuple[list[Output], dict[bytes, bytes | None]]:
        outputs: list[Output] = []
        rows: dict[bytes, bytes | None] = {}
        for incident_id, account in part.touched.items():
            change = judge(account, self._rules, part.number, now)
            if change is not None:
                outputs.append(Output(STORMS, incident_id, change))
            silent = now - account.arrived_at > self._rules.lateness_ms
            closing = sorted(account.windows) if silent else expire(account, self._rules)
            outputs += self._accounts(account, part.number, set(closing))
            for start in closing:
                del account.windows[start]
            waits = bool(account.windows or account.storm_id)
            (part.open_ids.add if waits else part.open_ids.discard)(incident_id)
            rows[b"%d:" % part.number + incident_id.encode()] = orjson.dumps(
                {**({"w": 1} if waits else {}), "s": account.dump()}
            )
        return outputs, rows

    def _accounts(self, account: IncidentAccount, partition: int, closing: set[Millis]) -> list[Output]:
        told = []
        for start, window in sorted(account.windows.items()):
            received, kept, suppressed, late, dead = window.counts
            totals = account.totals
            record = AlertAccount(
                incident_id=account.incident_id, tenant=account.tenant, service=account.service, tier=account.tier,
                window_start=start, window_ms=self._rules.window_ms, received=received, kept=kept, suppressed=suppressed,
                late=late, dead_lettered=dead, closed=start in closing, total_received=totals[0], total_kept=totals[1],
                total_suppressed=totals[2], total_late=totals[3], total_dead_lettered=totals[4], partition=partition,
                first_offset=window.first_offset, upto=account.upto,
            )  # fmt: skip
            told.append(Output(ACCOUNT, account.incident_id, record))
        return told
