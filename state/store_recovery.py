"""Reading what a new owner of a partition has to know: its checkpoint, its snapshots, and the rest of its log."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from state.checkpoints import Checkpoint, newest
from state.event_log import (
    CHECKPOINTS_TOPIC,
    EVENTS_TOPIC,
    SNAPSHOTS_TOPIC,
    UnreadableEvent,
    checkpoint_of,
    event_of,
    parse_event_key,
    snapshot_of,
)
from state.ledger import PartitionLedger
from state.log_reader import LogReader, RawRecord
from state.recovery import Recovery
from state.repairs import is_repair
from state.signing import SigningKey
from state.snapshots import authentic, quick_claim

log = structlog.get_logger()

CONFLICTS_TOPIC = "incident.conflicts"
COMMANDS_TOPIC = "incident.commands"

_PROGRESS_EVERY = 5_000

# Told (partition, records read so far) while the ledger is rebuilt.
RecoveryProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class StoreTopics:
    """The names of the store's topics; all have the same number of partitions."""

    events: str = EVENTS_TOPIC
    snapshots: str = SNAPSHOTS_TOPIC
    conflicts: str = CONFLICTS_TOPIC
    commands: str = COMMANDS_TOPIC
    checkpoints: str = CHECKPOINTS_TOPIC


class StoreRecovery:
    """Rebuilds the ledger of one partition.

    Args:
        key: where there is one, only snapshots that it marked count, and checkpoints that it signed say where to begin.
    """

    def __init__(
        self,
        reader: LogReader,
        topics: StoreTopics,
        partition: int,
        key: SigningKey | None,
        progress: RecoveryProgress,
    ) -> None:
        self._reader, self._topics, self._partition = reader, topics, partition
        self._key, self._progress = key, progress
        self._foreign = 0

    def ledger(self) -> PartitionLedger:
        """The ledger as of the log's end.

        Raises:
            StoreUnavailableError: Kafka does not answer.
        """
        recovery = Recovery(self._checkpoint())
        self._take_snapshots(recovery)
        end = self._reader.bounds(self._topics.events, self._partition)[1]
        recovery.log_ends_at(end)
        self._read_log(recovery, recovery.start, end)
        while recovery.read_again():
            self._read_log(recovery, 0, end)
        self._tell(recovery.distrusted)
        return recovery.ledger(end, self._commands_end())

    def _checkpoint(self) -> Checkpoint | None:
        if self._key is None or self._partition not in self._reader.partitions(self._topics.checkpoints):
            return None
        found = (checkpoint_of(raw) for raw in self._read(self._topics.checkpoints))
        return newest((one for one in found if one is not None), {self._key.public}, self._partition)

    def _take_snapshots(self, recovery: Recovery) -> None:
        if self._key is None:
            for raw in self._read(self._topics.snapshots):
                if (found := snapshot_of(raw)) is not None:
                    recovery.snapshot(found)
            return
        # The last of an incident is nearly always this store's own: only that one is looked at.
        newest = {raw.key: raw for raw in self._read(self._topics.snapshots)}
        left = {name for name, raw in newest.items() if not self._claimed(recovery, self._key, raw)}
        if left:
            self._foreign = 0
            for raw in self._read(self._topics.snapshots):
                if raw.key in left:
                    self._claimed(recovery, self._key, raw)

    def _claimed(self, recovery: Recovery, key: SigningKey, raw: RawRecord) -> bool:
        """Whether it is a snapshot that an owner of the key wrote and this version can read; then it was taken."""
        headers = dict(raw.headers)
        if not authentic(key, raw.key, raw.value, headers):
            self._foreign += 1
            return False
        claim = quick_claim(raw.key, headers, partial(snapshot_of, raw))
        if claim is not None:
            recovery.claim(claim)
        return claim is not None

    def _read_log(self, recovery: Recovery, start: int, end: int) -> None:
        ranges = {self._partition: (start, end)}
        for raw in self._counted(self._reader.read(self._topics.events, ranges)):
            repair = self._key is not None and is_repair(raw, {self._key.public})
            if not repair and recovery.passes_over(parse_event_key(raw.key)[0], raw.offset):
                continue
            found = event_of(raw)
            if isinstance(found, UnreadableEvent):
                recovery.unreadable(found)
            elif repair:
                recovery.repair(found)
            else:
                recovery.event(found)

    def _read(self, topic: str) -> Iterator[RawRecord]:
        end = self._reader.bounds(topic, self._partition)[1]
        return self._counted(self._reader.read(topic, {self._partition: (0, end)}))

    def _commands_end(self) -> int | None:
        if self._partition not in self._reader.partitions(self._topics.commands):
            return None
        return self._reader.bounds(self._topics.commands, self._partition)[1]

    def _counted(self, records: Iterator[RawRecord]) -> Iterator[RawRecord]:
        for count, record in enumerate(records, 1):
            if count % _PROGRESS_EVERY == 0:
                self._progress(self._partition, count)
            yield record

    def _tell(self, distrusted: Mapping[str, str]) -> None:
        if distrusted:
            incident, why = next(iter(distrusted.items()))
            log.warning(
                "snapshots that the log does not confirm were left out, their incidents' events were read",
                partition=self._partition, snapshots=len(distrusted), first=incident, why=why,
            )  # fmt: skip
        if self._foreign:
            log.warning(
                "snapshots without the mark of this store's key were left out; their incidents' events were read",
                partition=self._partition, snapshots=self._foreign,
            )  # fmt: skip
