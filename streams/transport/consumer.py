"""The consumer on the agents' loop: hands batches to agents, takes acknowledgements, decides what may be committed.

Faust calls the methods here from its rebalance, commit and fetch tasks. An `epoch` counts what makes handed-out batches void
(a seek, a revocation): a batch of an earlier epoch is in no Progress any more, so its acknowledgement has no effect and its
records come again.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from streams.errors import LogReplacedError
from streams.transport.batch import Batch, RecoversInBulk
from streams.transport.fetching import FetchThread
from streams.transport.progress import Progress

# A rebalance waits no longer for the commit before it: what is not committed comes again.
COMMIT_LIMIT_S = 5.0


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer with one event a fetch and partition for sources; changelogs stay record by record."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._progress: dict[Any, Progress] = {}
        self._recovered: dict[Any, int] = {}  # up to where the changelogs under recovery were read, without a gap
        self._epoch = 0
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> FetchThread:
        return FetchThread(self, loop=self.loop, beacon=self.beacon)

    # -- acknowledgement and commit

    def ack(self, message: Any) -> bool:
        """All agents have acknowledged a message."""
        batch = message.value
        if not isinstance(batch, Batch):
            return bool(super().ack(message))
        with ack_lock:
            if message.acked:
                return False
            message.acked = batch.done = True
            self._unacked_messages.discard(message)
            if message.tp in self._progress:
                self._progress[message.tp].advance()
            notify(self._waiting_for_ack)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[Any]:
        return iter([tp for tp in list(self._progress) if topics is None or tp in topics or tp.topic in topics])

    def _new_offset(self, tp: Any) -> int | None:
        progress = self._progress.get(tp)
        return progress.committable if progress else None

    def progress(self) -> dict[Any, tuple[int, int]]:
        """By source partition that is behind: up to where it is done with, and where what can be read of it ends."""
        reached = {tp: p.reached for tp, p in self._progress.items()}
        ends = {tp: self._thread.readable_end(tp) for tp in reached}
        return {tp: (at, end) for tp, at in reached.items() if at is not None and (end := ends[tp] or 0) > at}

    # -- rebalance and seek

    async def seek_wait(self, partitions: Mapping[Any, int]) -> None:
        """Recovery begins to read changelogs here."""
        self._recovered.update({tp: offset for tp, offset in partitions.items() if not self._is_source(tp)})
        await super().seek_wait(partitions)

    async def perform_seek(self) -> None:
        """Begin anew at the committed offsets; what was handed out and not committed comes again."""
        self._forget()
        await super().perform_seek()
        self._forget()
        sources = [tp for tp in self.assignment() if self._is_source(tp)]
        new = [tp for tp in sources if self._read_offset[tp] is None]
        begins = {tp: self._read_offset[tp] for tp in sources}
        if new and self.app.conf.consumer_auto_offset_reset == "earliest":
            begins.update(await self.earliest_offsets(*new))
        self._progress = {tp: Progress(begin) for tp, begin in begins.items()}

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Commit what is acknowledged of the revoked partitions, then forget them: batches under way are void."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.commit(), COMMIT_LIMIT_S)
        self._forget(revoked)
        await super().on_partitions_revoked(revoked)

    def _forget(self, tps: Iterable[Any] | None = None) -> None:
        self._epoch += 1
        with ack_lock:
            for tp in list(self._progress if tps is None else tps):
                if (progress := self._progress.pop(tp, None)) is not None:
                    progress.void()
        for tp in tps or ():
            self._recovered.pop(tp, None)

    def _is_source(self, tp: Any) -> bool:
        return bool(self.app.topics.acks_enabled_for(tp.topic))

    # -- fetching

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await self._drain_once()
        except (asyncio.CancelledError, *self.consumer_stopped_errors):
            if not self.transport.app.should_stop:
                raise

    async def _drain_once(self) -> None:
        fetched, active = await self._wait_next_records(1.0)
        epoch, generation = self._epoch, self.app.consumer_generation_id
        await asyncio.sleep(0)
        if self.should_stop or not fetched:
            return
        if not self.flow_active:
            await self._seek_again()
            return
        records, positions = fetched
        for tp, some in records.items():
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            if not (active is None or tp in active or tp in self._buffered_partitions):
                continue
            start, end = positions.get(tp) or (some[0].offset, some[-1].offset + 1)
            if not self._is_source(tp):
                await self._changelog(tp, some, start, end)
                continue
            usable = epoch == self._epoch and not self.app.rebalancing and await self._in_order(tp, start)
            if usable and not await self._deliver(tp, Batch(some, some[-1].offset, end)):
                return
        await self._pass_over(positions.keys() - records.keys(), positions, active, epoch)

    def _rows_end(self, tp: Any, start: int, end: int) -> None:
        """Follow the fetcher over the end of a changelog that compaction has emptied: no record tells recovery of it."""
        if start != end and self._recovered.get(tp) == start:
            self._recovered[tp] = end
            offsets = self.app.tables.recovery.active_offsets
            if tp in offsets:
                offsets[tp] = end - 1

    async def _seek_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - Faust's own way: a rebalance under way ends in another seek
            self.log.warning("seek while the flow is stopped: %r", error)

    async def _pass_over(self, tps: set[Any], positions: dict[Any, Any], active: set[Any] | None, epoch: int) -> None:
        """Follow the fetcher where it moved without a record, and bring it back to where it was left behind."""
        for tp in tps:
            start, end = positions[tp]
            if not self._is_source(tp):
                self._rows_end(tp, start, end)
                continue
            usable = self.flow_active and epoch == self._epoch and not self.app.rebalancing
            if usable and (active is None or tp in active) and await self._in_order(tp, start) and start != end:
                with ack_lock:
                    self._progress[tp].passed(end)

    async def _in_order(self, tp: Any, start: int) -> bool:
        # A fetch that was under way during a rebalance can begin behind records that nobody was given, and a seek can come
        # to nothing because of it.
        progress = self._progress.setdefault(tp, Progress(None))
        if progress.continues(start):
            return True
        await self._pass_deleted(tp, progress)
        if progress.continues(start):
            return True
        self.log.info("%s: fetched from %s instead of %s; fetching again", tp, start, progress.expected)
        await self._thread.seek_wait({tp: progress.expected})
        return False

    async def _pass_deleted(self, tp: Any, progress: Progress) -> None:
        """Go on from where the log begins, where retention took what was not read yet.

        Raises:
            LogReplacedError: the topic ends before what was read of it: it was deleted and made anew.
        """
        expected = progress.expected or 0
        first, end = (await self.earliest_offsets(tp))[tp], (await self.highwaters(tp))[tp]
        if end < expected:
            raise LogReplacedError(tp.topic, tp.partition, expected, end)
        if expected < first:
            self.log.error("%s: %s to %s were deleted by retention before they were read", tp, expected, first - 1)
            with ack_lock:
                progress.passed(first)

    async def _deliver(self, tp: Any, batch: Batch) -> bool:
        """Hand a batch to its agents; False when the flow stopped meanwhile: then all that is not acknowledged comes again."""
        epoch = self._epoch
        self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        self._progress[tp].hand_out(batch)
        self._read_offset[tp] = batch.last
        await self.wait_first(self.callback(self._message(tp, batch)), self.suspend_flow.wait())
        return bool(self.flow_active) and epoch == self._epoch

    def _message(self, tp: Any, batch: Batch) -> Any:
        return driver.ConsumerMessage(
            tp.topic, tp.partition, batch.last, 0.0, 0, (), None, batch, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def _changelog(self, tp: Any, records: list[Any], start: int, end: int) -> None:
        """Take rows that go on from those before them.

        A fetch that was under way when recovery sought the beginning would else count as all that lies before it.
        """
        if not await self._goes_on(tp, start):
            return
        self._recovered[tp] = end
        table = self.app.tables._changelogs.get(tp.topic)
        if isinstance(table, RecoversInBulk):
            table.recover(tp.partition, records)
            records = records[-1:]  # Faust's recovery measures by it how far it is
        for record in records:
            await self.callback(self._to_message(tp, record))
            self._read_offset[tp] = record.offset

    async def _goes_on(self, tp: Any, start: int) -> bool:
        expected = self._recovered.get(tp)
        if expected is None or expected == start:
            return expected is not None
        first = (await self.earliest_offsets(tp))[tp]
        if expected < first == start:
            return True  # compaction took what was before
        if self._recovered.get(tp) == expected:
            self.log.info("%s: rows read from %s instead of %s; reading again", tp, start, expected)
            await self._thread.seek_wait({tp: expected})
        return False


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with the batch consumer."""

    Consumer = Consumer
