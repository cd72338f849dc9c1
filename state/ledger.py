"""The sequencer's decision: which version each event gets, and which commands are refused. Pure.

A command is appended once: those at or below the last command offset are passed over, and so are those whose id is among
the last 256 of their incident. `decide` changes nothing; `place` and `advance` take a step over once it is committed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Millis
from state.admission import MAX_TEXT_BYTES, sealed_event, taken, unfit
from state.head import Head
from state.heads import Heads
from state.incident import UNFIT, EventType, IncidentState
from state.snapshots import SnapshotRecord

SNAPSHOT_EVERY = 50
# Events further back than this are in a snapshot, so a restart reads no more than about this many (and the snapshots).
UNCOVERED_OFFSETS = 5_000
_MOST_OVERDUE = 1_000
# A larger one would not fit Kafka's largest message; its events are read again at a restart instead.
MAX_SNAPSHOT_BYTES = 900_000

_EPISODE_ENDS = frozenset({EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED})


@dataclass(frozen=True, slots=True)
class LedgerStep:
    """The answer to a batch of commands.

    Attributes:
        events: to be appended, in this order.
        refusals: to be told.
        due: incidents to be snapshotted, as they are after the step.
        skipped: how many commands had been appended before.
        heads: the heads that change.
        command_offset: the last command's offset.
    """

    events: tuple[IncidentEvent, ...]
    refusals: tuple[CommandRefused, ...]
    due: tuple[str, ...]
    skipped: int
    heads: Mapping[str, Head]
    command_offset: int


@dataclass(frozen=True, slots=True)
class PlacedStep:
    """A step whose events have their offsets.

    Attributes:
        snapshots: to be written beside the events.
        heads: the heads that change.
        first_offsets: of each incident with events in the step, the first one's offset.
        next_offset: the end of the event log after the step.
    """

    snapshots: tuple[SnapshotRecord, ...]
    heads: Mapping[str, Head]
    first_offsets: Mapping[str, int]
    next_offset: int
    command_offset: int


class PartitionLedger:
    """The heads of one partition.

    Attributes:
        heads: by incident.
        command_offset: the last command that was decided on; -1 before the first.
        next_offset: the event log's end, as far as this ledger wrote or read it.
        uncovered: incidents with events that no snapshot holds, and the first such event's offset; smallest first.
    """

    def __init__(
        self,
        heads: Mapping[str, Head] | None = None,
        command_offset: int = -1,
        next_offset: int = 0,
        uncovered: Mapping[str, int] | None = None,
    ) -> None:
        self.heads = heads if isinstance(heads, Heads) else Heads(heads)
        self.command_offset = command_offset
        self.next_offset = next_offset
        self.uncovered: dict[str, int] = dict(sorted((uncovered or {}).items(), key=lambda item: item[1]))

    def decide(self, commands: Iterable[tuple[IncidentCommand, int]], now: Millis) -> LedgerStep:
        """What becomes of commands, each with its offset, in the order of their topic. The ledger stays as it is.

        Args:
            now: epoch ms; an incident's `recorded_at` never falls behind that of its last event.
        """
        decision = _Decision(self, now)
        for command, offset in commands:
            decision.take(command, offset)
        return decision.step()

    def place(self, step: LedgerStep, offsets: Sequence[int]) -> PlacedStep:
        """The step with the offsets that its events were given. The ledger stays as it is."""
        heads = dict(step.heads)
        first_offsets: dict[str, int] = {}
        last_offsets: dict[str, int] = {}
        for event, offset in zip(step.events, offsets, strict=True):
            first_offsets.setdefault(event.incident_id, offset)
            last_offsets[event.incident_id] = offset
        for incident_id, offset in last_offsets.items():
            heads[incident_id] = heads[incident_id].at(offset)
        next_offset = offsets[-1] + 1 if offsets else self.next_offset
        snapshots = self._snapshots(step.due, heads)
        return PlacedStep(snapshots, heads, first_offsets, next_offset, step.command_offset)

    def advance(self, placed: PlacedStep) -> None:
        """Take over a step that has been committed."""
        self.heads.update(placed.heads)
        self.command_offset = placed.command_offset
        self.next_offset = placed.next_offset
        for incident_id, offset in placed.first_offsets.items():
            self.uncovered.setdefault(incident_id, offset)
        for written in placed.snapshots:
            self.uncovered.pop(written.snapshot.incident_id, None)

    def overdue(self) -> list[str]:
        """Incidents whose events have waited long for a snapshot; some of them, where they are many."""
        limit = self.next_offset - UNCOVERED_OFFSETS
        return [one for one, offset in islice(self.uncovered.items(), _MOST_OVERDUE) if offset < limit]

    @property
    def covered_below(self) -> int:
        """All events of the partition at smaller offsets are in snapshots."""
        return next(iter(self.uncovered.values()), self.next_offset)

    def _snapshots(self, due: Sequence[str], heads: dict[str, Head]) -> tuple[SnapshotRecord, ...]:
        taken = []
        for incident_id in due:
            head = heads.get(incident_id) or self.heads[incident_id]
            snapshot = head.snapshot()
            # A damaged chain stays uncovered, so that every restart finds the damage again.
            if not head.fault and len(snapshot.state) <= MAX_SNAPSHOT_BYTES:
                taken.append(SnapshotRecord(snapshot, tuple(head.recent)))
                heads[incident_id] = head.with_snapshot()
        return tuple(taken)


class _Decision:
    """A step in the making: heads as they would be, over those that are."""

    def __init__(self, ledger: PartitionLedger, now: Millis) -> None:
        self._ledger = ledger
        self._now = now
        self._command_offset = ledger.command_offset
        self._heads: dict[str, Head] = {}
        self._events: list[IncidentEvent] = []
        self._refusals: list[CommandRefused] = []
        self._due: dict[str, None] = {}  # a set that keeps its order
        self._skipped = 0

    def take(self, command: IncidentCommand, offset: int) -> None:
        head = self._head(command.incident_id)
        if offset <= self._command_offset or head.knows(command.command_id):
            self._command_offset = max(self._command_offset, offset)
            self._skipped += 1
            return
        self._command_offset = offset
        payload = head.fault or taken(head.state, command)
        why = payload if isinstance(payload, str) else self._unless_appended(head, command, offset, payload)
        if why:
            self._refuse(command, offset, head.version, why)

    def step(self) -> LedgerStep:
        for incident_id in self._ledger.overdue() if self._events else ():
            self._due.setdefault(incident_id)
        return LedgerStep(
            tuple(self._events), tuple(self._refusals), tuple(self._due), self._skipped, self._heads,
            self._command_offset,
        )  # fmt: skip

    def _head(self, incident_id: str) -> Head:
        known = self._heads.get(incident_id) or self._ledger.heads.get(incident_id)
        return known or Head(IncidentState(incident_id=incident_id))

    def _unless_appended(
        self, head: Head, command: IncidentCommand, offset: int, payload: dict[str, Any]
    ) -> str | None:
        event = sealed_event(head.state, head.hash, command, offset, self._now)
        try:
            after = head.after(event, payload=payload)
        except UNFIT as error:
            return unfit(error)
        self._heads[event.incident_id] = after
        self._events.append(event)
        if event.type in _EPISODE_ENDS or after.version - after.snapshot_version >= SNAPSHOT_EVERY:
            self._due.setdefault(event.incident_id)
        return None

    def _refuse(self, command: IncidentCommand, offset: int, version: int, why: str) -> None:
        refused = CommandRefused(
            command_id=_cut(command.command_id),
            incident_id=_cut(command.incident_id),
            tenant=_cut(command.tenant),
            type=_cut(command.type),
            reason=_cut(why),
            expected_version=command.expected_version,
            actual_version=version,
            agent=command.agent,
            occurred_at=self._now,
            command_offset=offset,
        )
        self._refusals.append(refused)


def _cut(text: str) -> str:
    """A text short enough for a refusal, which must fit Kafka's largest message whatever the command holds."""
    return text.encode("utf-8", "replace")[:MAX_TEXT_BYTES].decode("utf-8", "ignore")
