"""A ledger at work without Kafka: commands in, events at offsets out."""

from collections.abc import Sequence

from schemas.records.log import CommandRefused, IncidentCommand, IncidentEvent
from state.ledger import PartitionLedger
from state.snapshots import SnapshotRecord

NOW = 1_700_000_100_000
Numbered = Sequence[tuple[IncidentCommand, int]]


class Run:
    """A ledger fed batch by batch, each committed at once; offsets have the hole that a transaction's marker leaves."""

    def __init__(self, ledger: PartitionLedger | None = None) -> None:
        self.ledger = ledger or PartitionLedger()
        self.events: list[IncidentEvent] = []
        self.offsets: list[int] = []
        self.refusals: list[CommandRefused] = []
        self.snapshots: list[SnapshotRecord] = []
        self.skipped = 0

    def feed(self, commands: Numbered, now: int = NOW) -> "Run":
        step = self.ledger.decide(commands, now)
        first = self.ledger.next_offset + 1
        offsets = list(range(first, first + len(step.events)))
        placed = self.ledger.place(step, offsets)
        self.ledger.advance(placed)
        self.events += step.events
        self.offsets += offsets
        self.refusals += step.refusals
        self.snapshots += placed.snapshots
        self.skipped += step.skipped
        return self


def numbered(commands: Sequence[IncidentCommand]) -> Numbered:
    """Commands at the offsets 0, 1, 2, …"""
    return [(one, offset) for offset, one in enumerate(commands)]
