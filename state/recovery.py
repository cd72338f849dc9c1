"""Rebuilding a partition's ledger from its snapshots and the tail of its log. Pure.

An incident whose log contradicts itself gets no further events: its head carries the fault, and its commands are refused with
it, while all other incidents go on. `breakwater events verify` tells the whole of what is wrong.
"""

from dataclasses import replace

from state.chain import check
from state.event_log import UnreadableEvent
from state.head import Head, head_of
from state.incident import UNFIT, IncidentState
from state.ledger import PartitionLedger
from state.ports import StoredEvent
from state.snapshots import SnapshotRecord

_VERIFY = "Run `breakwater events verify`."


class Recovery:
    """Takes all snapshots of a partition, oldest first, then all events from `start` on, and makes the ledger."""

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._covered_below = 0
        self._uncovered: dict[str, int] = {}
        self._last = (-1, -1)  # offset of the last event, and its command's

    def snapshot(self, found: SnapshotRecord) -> None:
        """Take a snapshot; one that cannot be read is as none, and makes the whole log be read."""
        try:
            head = head_of(found)
        except UNFIT:
            self._heads.pop(found.snapshot.incident_id, None)
            self._covered_below = -1
            return
        self._heads[found.snapshot.incident_id] = head
        if self._covered_below >= 0:
            self._covered_below = max(self._covered_below, found.covered_below)
        self._last = max(self._last, (head.offset, head.command_offset))

    @property
    def start(self) -> int:
        """The first offset whose event may be in no snapshot."""
        return max(self._covered_below, 0)

    def log_ends_at(self, end: int) -> None:
        """Tell where the log ends: finds the incidents whose snapshots are of events beyond it: the log has been cut."""
        for incident_id, head in self._heads.items():
            if head.offset >= end:
                self._spoil(incident_id, f"its events up to version {head.version} are missing from the log")

    def event(self, stored: StoredEvent) -> None:
        """Take the next event of the log."""
        event, offset = stored.event, stored.offset
        self._last = (offset, event.command_offset)
        head = self._heads.get(event.incident_id) or Head(IncidentState(incident_id=event.incident_id))
        if offset <= head.offset:
            return
        self._uncovered.setdefault(event.incident_id, offset)
        fault = _fault(head, stored)
        if fault:
            self._spoil(event.incident_id, fault)
            return
        try:
            self._heads[event.incident_id] = head.after(event, offset)
        except UNFIT as error:
            self._spoil(event.incident_id, f"version {event.version} cannot be folded ({error!r})")

    def unreadable(self, found: UnreadableEvent) -> None:
        """Take a record of the log that is no event."""
        if found.incident_id and found.offset > self._heads.get(found.incident_id, _NOTHING).offset:
            self._uncovered.setdefault(found.incident_id, found.offset)
            self._spoil(found.incident_id, f"the record at offset {found.offset} is no event ({found.reason})")

    def ledger(self, end: int, commands_end: int | None = None) -> PartitionLedger:
        """The ledger, once the log has been read to its end.

        Args:
            end: the offset after the log's last event.
            commands_end: the same of the commands' topic. Where that is shorter than what the log has seen of it, it was made
                anew: its offsets say nothing, and only the commands' ids tell which were appended.
        """
        command_offset = self._last[1]
        if commands_end is not None and command_offset >= commands_end:
            command_offset = -1
        return PartitionLedger(self._heads, command_offset, end, self._uncovered)

    def _spoil(self, incident_id: str, fault: str) -> None:
        head = self._heads.get(incident_id) or Head(IncidentState(incident_id=incident_id))
        if not head.fault:
            self._heads[incident_id] = replace(head, fault=f"Its chain is damaged: {fault}. {_VERIFY}")


_NOTHING = Head(IncidentState(incident_id=""))


def _fault(head: Head, stored: StoredEvent) -> str:
    event = stored.event
    at = f"offset {stored.offset}"
    if head.fault:
        return head.fault
    if not check(event):
        return f"version {event.version} at {at} does not match its hash"
    if event.version != head.version + 1:
        return f"version {event.version} follows version {head.version} at {at}"
    if event.previous_hash != head.hash:
        return f"version {event.version} at {at} is not bound to version {head.version}"
    return ""
