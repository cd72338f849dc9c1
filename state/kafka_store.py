"""The event store's writer on Kafka: one transaction a batch, one writer a partition, a restart that continues.

Opening fences whoever wrote before (same `transactional.id`), so nothing can follow what the new owner has read. The ledger
takes a step over only after its transaction is committed and to be seen; a transaction that fails is aborted and tried again
as it was. After any error that `append` raises the writer is closed: where it still owns the partition, open it anew.
Snapshots follow in a transaction of their own: they must never tell of events that are not to be seen (state.visibility).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

import structlog

from schemas.codec import Codec
from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent, IncidentSnapshot
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from state.errors import StoreUnavailableError
from state.event_log import (
    EVENTS_TOPIC,
    SNAPSHOTS_TOPIC,
    UnreadableEvent,
    event_key,
    event_of,
    parse_event_key,
    snapshot_of,
)
from state.ledger import LedgerStep, PartitionLedger, PlacedStep
from state.log_reader import LogReader, RawRecord
from state.ports import StoredEvent
from state.recovery import Recovery
from state.transactions import Batch, Transactions
from state.visibility import Visibility

log = structlog.get_logger()

CONFLICTS_TOPIC = "incident.conflicts"
COMMANDS_TOPIC = "incident.commands"

_EVENTS = Codec(IncidentEvent)
_SNAPSHOTS = Codec(IncidentSnapshot)
_REFUSALS = Codec(CommandRefused)

_PROGRESS_EVERY = 5_000

Clock = Callable[[], Millis]
# Told (partition, records read so far) while the ledger is rebuilt.
RecoveryProgress = Callable[[int, int], None]


def tell_nobody(partition: int, records: int) -> None:
    """Progress that nobody hears."""


@dataclass(frozen=True, slots=True)
class StoreTopics:
    """The names of the store's topics; all have the same number of partitions."""

    events: str = EVENTS_TOPIC
    snapshots: str = SNAPSHOTS_TOPIC
    conflicts: str = CONFLICTS_TOPIC
    commands: str = COMMANDS_TOPIC


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of a batch: events with their places, refusals, and how many commands had been appended before."""

    events: tuple[StoredEvent, ...]
    refusals: tuple[CommandRefused, ...]
    skipped: int
    snapshots: int


class EventStoreWriter:
    """The sequencer's hand on one partition; blocking, for one thread at a time.

    Args:
        bootstrap: `host:port,…`.
        partition: of the commands' topic, and so of all the store's topics.
        clock: epoch ms, for `recorded_at`.
        patience_s: how long opening, and how long one append, may wait for Kafka.
        progress: told while the ledger is rebuilt.
        id_prefix: the transactional id is this, a hyphen and the partition.
    """

    def __init__(
        self,
        bootstrap: str,
        partition: int,
        *,
        topics: StoreTopics | None = None,
        clock: Clock = wall_clock_ms,
        patience_s: float = 60.0,
        progress: RecoveryProgress = tell_nobody,
        id_prefix: str = "breakwater-sequencer",
    ) -> None:
        self.partition = partition
        self._bootstrap = bootstrap
        self._topics = topics or StoreTopics()
        self._clock = clock
        self._patience_s = patience_s
        self._progress = progress
        self._transactional_id = f"{id_prefix}-{partition}"
        self._transactions: Transactions | None = None
        self._visibility: Visibility | None = None
        self._ledger = PartitionLedger()

    def __enter__(self) -> "EventStoreWriter":
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ledger(self) -> PartitionLedger:
        """The heads as of the last committed append; not to be changed."""
        return self._ledger

    def open(self) -> None:
        """Fence the writer before, and rebuild the ledger from the log.

        Raises:
            StoreUnavailableError: Kafka does not answer, or a topic is missing.
            FencedError: yet another writer opened at the same time.
        """
        self.close()
        topics = self._topics
        self._transactions = Transactions(self._bootstrap, self._transactional_id, self.partition, self._patience_s)
        try:
            self._transactions.open()
            self._visibility = Visibility(self._bootstrap, self.partition, self._transactional_id)
            self._visibility.settle(self._transactions, (topics.events, topics.snapshots, topics.conflicts))
            self._ledger = self._recovered()
        except BaseException:
            self.close()
            raise

    def append(self, commands: Sequence[tuple[IncidentCommand, int]]) -> AppendResult:
        """Put commands on record in one transaction; each with its offset, in the order of their topic.

        Raises:
            FencedError: another writer owns the partition; nothing of the batch was written.
            StoreUnavailableError: Kafka took nothing in time, or did not say whether it did; `open` finds out.
        """
        if self._transactions is None or self._visibility is None:
            raise StoreUnavailableError(f"The writer of partition {self.partition} is closed. Open it anew.")
        step = self._ledger.decide(commands, self._clock())
        try:
            offsets = self._committed(step, self._transactions, self._visibility)
            placed = self._ledger.place(step, offsets)
            if placed.snapshots:
                self._transactions.run(lambda batch: self._write_snapshots(placed, batch))
        except BaseException:
            # Also on an interrupt: what the log holds now is not known.
            self.close()
            raise
        self._ledger.advance(placed)
        topic, partition = self._topics.events, self.partition
        events = tuple(StoredEvent(e, topic, partition, at) for e, at in zip(step.events, offsets, strict=True))
        return AppendResult(events, step.refusals, step.skipped, len(placed.snapshots))

    def close(self) -> None:
        """Give the connections back; what was not committed is not in the log."""
        if self._transactions is not None:
            self._transactions.close()
            self._transactions = None
        if self._visibility is not None:
            self._visibility.close()
            self._visibility = None

    def _committed(self, step: LedgerStep, transactions: Transactions, visibility: Visibility) -> list[int]:
        if not step.events and not step.refusals:
            return []
        offsets = transactions.run(lambda batch: self._write(step, batch))
        if offsets:
            visibility.wait_for(self._topics.events, offsets[-1], self._patience_s)
        return offsets

    def _write(self, step: LedgerStep, batch: Batch) -> list[int]:
        for event in step.events:
            key = event_key(event.incident_id, event.version)
            # Dated like the event, so that searching the log by time finds every event of that time; but never ahead of the
            # clock, which the broker would refuse: a forged event may have moved the incident's time.
            dated = min(event.recorded_at, self._clock())
            batch.send(self._topics.events, key, _EVENTS.encode(event), timestamp=dated)
        for refused in step.refusals:
            batch.send(self._topics.conflicts, refused.incident_id.encode(), _REFUSALS.encode(refused))
        return batch.offsets()[: len(step.events)]

    def _write_snapshots(self, placed: PlacedStep, batch: Batch) -> None:
        for snapshot in placed.snapshots:
            value = _SNAPSHOTS.encode(snapshot.snapshot)
            batch.send(self._topics.snapshots, snapshot.snapshot.incident_id.encode(), value, snapshot.headers())

    def _recovered(self) -> PartitionLedger:
        recovery = Recovery()
        with LogReader(self._bootstrap, f"{self._transactional_id}-recovery", self._patience_s) as reader:
            for raw in self._counted(reader.read(self._topics.snapshots, self._from(reader, self._topics.snapshots))):
                snapshot = snapshot_of(raw)
                if snapshot is not None:
                    recovery.snapshot(snapshot)
            ranges = self._from(reader, self._topics.events)
            end = ranges[self.partition][1]
            recovery.log_ends_at(end)
            self._read_log(recovery, reader, ranges)
            if recovery.read_again():
                self._read_log(recovery, reader, ranges)
            self._tell(recovery.distrusted)
            return recovery.ledger(end, self._commands_end(reader))

    def _read_log(self, recovery: Recovery, reader: LogReader, ranges: dict[int, tuple[int, int]]) -> None:
        for raw in self._counted(reader.read(self._topics.events, ranges)):
            if recovery.passes_over(parse_event_key(raw.key)[0], raw.offset):
                continue
            found = event_of(raw)
            if isinstance(found, UnreadableEvent):
                recovery.unreadable(found)
            else:
                recovery.event(found)

    def _tell(self, distrusted: Mapping[str, str]) -> None:
        if distrusted:
            incident, why = next(iter(distrusted.items()))
            log.warning(
                "snapshots that the log does not confirm were left out, their incidents' events were read",
                partition=self.partition, snapshots=len(distrusted), first=incident, why=why,
            )  # fmt: skip

    def _from(self, reader: LogReader, topic: str) -> dict[int, tuple[int, int]]:
        return {self.partition: (0, reader.bounds(topic, self.partition)[1])}

    def _commands_end(self, reader: LogReader) -> int | None:
        if self.partition not in reader.partitions(self._topics.commands):
            return None
        return reader.bounds(self._topics.commands, self.partition)[1]

    def _counted(self, records: Iterator[RawRecord]) -> Iterator[RawRecord]:
        for count, record in enumerate(records, 1):
            if count % _PROGRESS_EVERY == 0:
                self._progress(self.partition, count)
            yield record
