"""The event store's writer on Kafka: one transaction a batch, one writer a partition, a restart that continues.

Opening fences whoever wrote before (same `transactional.id`), so nothing can follow what the new owner has read. The ledger
takes a step over only after its transaction is committed and to be seen; a transaction that fails is aborted and tried again
as it was. After any error that `append` raises the writer is closed: where it still owns the partition, open it anew.
Snapshots are in the next transaction: they must never tell of events that are not to be seen (state.visibility), and one of
their own would cost as much as another batch. What was not written when a writer ends, its successor does without.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from schemas.frozen import maker
from schemas.records.log import CommandRefused, HeadsCheckpoint, IncidentCommand
from schemas.records.vocabulary import Millis
from state.checkpoints import CheckpointPlan, sign_heads
from state.clock import wall_clock_ms
from state.errors import StoreUnavailableError
from state.ledger import LedgerStep, PartitionLedger
from state.log_reader import LogReader
from state.ports import StoredEvent
from state.repaired_log import last_repairs
from state.signing import SigningKey
from state.snapshots import SnapshotRecord
from state.store_records import send_checkpoint, send_events, send_refusals, send_snapshots
from state.store_recovery import RecoveryProgress, StoreRecovery, StoreTopics
from state.transactions import Batch, Transactions
from state.visibility import Visibility

__all__ = ["AppendResult", "EventStoreWriter", "StoreTopics", "tell_nobody"]

Clock = Callable[[], Millis]

_STORED = maker(StoredEvent)


def tell_nobody(partition: int, records: int) -> None:
    """Progress that nobody hears."""


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of a batch.

    Attributes:
        events: with their places. refusals: with why. skipped: how many commands had been appended before.
        snapshots: how many were taken; they are written with what follows.
    """

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
        key: signs checkpoints and marks snapshots; without it there are no checkpoints, and the log confirms each snapshot.
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
        key: SigningKey | None = None,
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
        self._key = key
        self._plan = CheckpointPlan()
        self._taken: tuple[SnapshotRecord, ...] = ()  # of events that are to be seen, and not written yet
        self._looked_to = 0  # up to there repairs are known

    def __enter__(self) -> "EventStoreWriter":
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._taken:
                self._settle(())
        finally:
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
        self._transactions = Transactions(self._bootstrap, self._transactional_id, self.partition, self._patience_s)
        try:
            self._transactions.open()
            self._visibility = Visibility(self._bootstrap, self.partition, self._transactional_id)
            self._visibility.settle(self._transactions, self._written_topics())
            self._ledger = self._recovered()
            self._looked_to = self._ledger.next_offset
            self._plan = CheckpointPlan(self._clock())
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
        except BaseException:
            # Also on an interrupt: what the log holds now is not known.
            self.close()
            raise
        self._ledger.advance(placed)
        if step.events or step.refusals:
            self._taken = placed.snapshots
        self._plan.appended(len(step.events))
        if signed := self._signed(only_if_due=True):
            self._settle(signed)
        topic, partition = self._topics.events, self.partition
        events = tuple(_STORED(e, topic, partition, at) for e, at in zip(step.events, offsets, strict=True))
        return AppendResult(events, step.refusals, step.skipped, len(placed.snapshots))

    def checkpoint(self, *, only_if_due: bool = False) -> bool:
        """Sign all heads, where events were appended since they were signed last; whether a checkpoint was written.

        While a chain is damaged none is: it would say of a log that lacks events that it is whole. Snapshots that wait are
        written in any case.

        Args:
            only_if_due: not before many events or a minute have passed (state.checkpoints.CheckpointPlan).

        Raises:
            FencedError, StoreUnavailableError: as `append` does.
        """
        signed = self._signed(only_if_due)
        if signed or self._taken:
            self._settle(signed)
        return bool(signed)

    def take_up_repairs(self) -> bool:
        """Rebuild the ledger where a chain is damaged and repairs were written since it was read; whether it was.

        Raises:
            FencedError, StoreUnavailableError: as `open` does.
        """
        if self._key is None or self._transactions is None or not self._ledger.heads.damaged:
            return False
        with LogReader(self._bootstrap, f"{self._transactional_id}-repairs", self._patience_s) as reader:
            end = reader.bounds(self._topics.events, self.partition)[1]
            unseen = {self.partition: (self._looked_to, end)}
            repaired = last_repairs(reader, self._topics.events, unseen, {self._key.public})
        self._looked_to = end
        if repaired:
            self.open()
        return bool(repaired)

    def close(self) -> None:
        """Give the connections back; what was not committed is not in the log."""
        self._taken = ()
        if self._transactions is not None:
            self._transactions.close()
            self._transactions = None
        if self._visibility is not None:
            self._visibility.close()
            self._visibility = None

    def _written_topics(self) -> tuple[str, ...]:
        always = (self._topics.events, self._topics.snapshots, self._topics.conflicts)
        return always if self._key is None else (*always, self._topics.checkpoints)

    def _signed(self, only_if_due: bool) -> list[HeadsCheckpoint]:
        """The records of a checkpoint, where one is wanted and may be."""
        now, heads = self._clock(), self._ledger.heads
        if self._key is None or self._transactions is None or not self._plan.wants(now, len(heads), only_if_due):
            return []
        if heads.damaged:
            return []
        end, covered = self._ledger.next_offset, self._ledger.covered_below
        return sign_heads(self.partition, heads.marks(), end, covered, now, self._key)

    def _settle(self, signed: Sequence[HeadsCheckpoint]) -> None:
        """Write the snapshots that wait, and a checkpoint, which may say that they are there."""
        if self._transactions is None:
            return

        def write(batch: Batch) -> None:
            send_snapshots(batch, self._topics.snapshots, self._taken, self._key)
            send_checkpoint(batch, self._topics.checkpoints, signed)

        try:
            self._transactions.run(write)
        except BaseException:
            self.close()
            raise
        self._taken = ()
        if signed:
            self._plan = CheckpointPlan(signed[0].signed_at)

    def _committed(self, step: LedgerStep, transactions: Transactions, visibility: Visibility) -> list[int]:
        if not step.events and not step.refusals:
            return []
        offsets = transactions.run(lambda batch: self._write(step, batch))
        if offsets:
            visibility.wait_for(self._topics.events, offsets[-1], self._patience_s)
        return offsets

    def _write(self, step: LedgerStep, batch: Batch) -> list[int]:
        send_events(batch, self._topics.events, step.events, self._clock())
        send_refusals(batch, self._topics.conflicts, step.refusals)
        send_snapshots(batch, self._topics.snapshots, self._taken, self._key)
        return batch.offsets(self._topics.events)

    def _recovered(self) -> PartitionLedger:
        with LogReader(self._bootstrap, f"{self._transactional_id}-recovery", self._patience_s) as reader:
            return StoreRecovery(reader, self._topics, self.partition, self._key, self._progress).ledger()
