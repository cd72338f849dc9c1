"""Rebuilding a partition's ledger from its log, with snapshots that save folding it. Pure.

A snapshot is believed once the log confirms it: the event at its offset has its incident, version, hash and command. A signed
checkpoint saves even that: it says from which offset on the log has to be read, and which versions the snapshots of all before
must have. Any other snapshot may come from anybody who can write to Kafka: it is told (`distrusted`), and its incident's events
are read from the first one on.

An incident whose log contradicts itself, or lacks what a checkpoint has seen, gets no further events: its head carries the
fault, and its commands are refused with it, while all other incidents go on. `breakwater events verify` tells the whole of what
is wrong.
"""

from dataclasses import replace

from schemas.records.log import IncidentEvent
from state.chain import check
from state.checkpoints import Checkpoint
from state.event_log import UnreadableEvent
from state.head import Head, Mark, head_of
from state.heads import Heads
from state.incident import UNFIT, IncidentState
from state.ledger import PartitionLedger
from state.ports import StoredEvent
from state.repairs import Entry, as_repaired
from state.snapshots import Claim, SnapshotRecord, claim_of

_VERIFY = "Run `breakwater events verify`."
_NOT_CONFIRMED = "the log has no such event at its offset"


class Recovery:
    """Takes all snapshots of a partition, then its log from `start` on, and all of it again as long as `read_again` says so.

    Args:
        checkpoint: a signed one, where there is; with it, only `claim` may be used.

    Attributes:
        distrusted: why a snapshot of an incident is not believed, by incident.
        start: the first offset that has to be read.
    """

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        self.distrusted: dict[str, str] = {}
        self.start = 0
        self._checkpoint = checkpoint
        self._marks = checkpoint.marks if checkpoint else {}
        self._heads = Heads()
        self._claims: dict[str, Claim] = {}  # snapshots that the log has not confirmed yet
        self._waiting: set[str] = set()  # incidents whose events were passed over for a snapshot that is not believed
        self._uncovered: dict[str, int] = {}
        self._last = (-1, -1)  # offset of the last event, and its command's
        self._repairs: dict[str, list[StoredEvent]] = {}
        self._mended: dict[str, list[Entry]] = {}  # what the reading under way brings of incidents that were repaired
        self._done: set[str] = set()  # incidents that were repaired, once that is over

    def snapshot(self, found: SnapshotRecord) -> None:
        """Take a snapshot of anybody's; of several of an incident the last counts."""
        try:
            head_of(found)
        except UNFIT as error:
            self._claims.pop(found.snapshot.incident_id, None)
            self.distrusted[found.snapshot.incident_id] = str(error)
        else:
            self.claim(claim_of(found))

    def claim(self, claim: Claim) -> None:
        """Take what a snapshot claims that is known to be this store's own: its state need not be looked at."""
        self._claims[claim.incident_id] = claim

    def log_ends_at(self, end: int) -> None:
        """Tell where the log ends, before it is read: snapshots of events beyond it are none of this log."""
        for incident_id in [one for one, claim in self._claims.items() if claim.offset >= end]:
            offset = self._claims.pop(incident_id).offset
            self.distrusted[incident_id] = f"it tells of offset {offset}, and the log ends at {end}"
        if self._checkpoint is not None and self._checkpoint.end <= end:
            self._begin_at(self._checkpoint.covered_below)

    def passes_over(self, incident_id: str, offset: int) -> bool:
        """Whether what lies there is in a snapshot or a head, or belongs to the second reading: it need not be decoded."""
        claim = self._claims.get(incident_id)
        if claim is not None:
            return offset < claim.offset
        if incident_id in self._mended:
            return False
        return incident_id in self._waiting or offset <= self._heads.offset_of(incident_id)

    def repair(self, stored: StoredEvent) -> None:
        """Take the next event of the log, which is a signed repair (state.repairs)."""
        self._repairs.setdefault(stored.event.incident_id, []).append(stored)

    def event(self, stored: StoredEvent) -> None:
        """Take the next event of the log."""
        event, offset = stored.event, stored.offset
        if self.passes_over(event.incident_id, offset):
            return
        if event.incident_id in self._mended:
            self._mended[event.incident_id].append(stored)
            return
        if event.incident_id in self._claims:
            self._judge(event, offset)
        else:
            self._fold(stored)

    def unreadable(self, found: UnreadableEvent) -> None:
        """Take a record of the log that is no event."""
        incident_id = found.incident_id
        if not incident_id or self.passes_over(incident_id, found.offset):
            return
        if incident_id in self._mended:
            self._mended[incident_id].append(found)
            return
        if incident_id in self._claims:
            self._disbelieve(incident_id, _NOT_CONFIRMED)
            return
        self._uncovered.setdefault(incident_id, found.offset)
        self._spoil(incident_id, f"the record at offset {found.offset} is no event ({found.reason})")

    def read_again(self) -> bool:
        """Once the log has been read: whether it must be once more, for snapshots that are not believed, or for repairs."""
        self._mend()
        for incident_id in list(self._claims):
            self._disbelieve(incident_id, _NOT_CONFIRMED)
        waiting, self._waiting = self._waiting, set()
        for incident_id in self._repairs.keys() - waiting - self._done:
            head = self._heads.get(incident_id, _NOTHING)
            # What was repaired before a snapshot that is believed need not be looked at.
            if head.fault or any(repair.event.version > head.version for repair in self._repairs[incident_id]):
                self._heads.pop(incident_id, None)
                self._mended[incident_id] = []
        return bool(waiting or self._mended)

    def ledger(self, end: int, commands_end: int | None = None) -> PartitionLedger:
        """The ledger, once the log has been read to its end.

        Args:
            end: the offset after the log's last event.
            commands_end: the same of the commands' topic. Where that is shorter than what the log has seen of it, it was made
                anew: its offsets say nothing, and only the commands' ids tell which were appended.
        """
        seen = {mark.incident_id: mark for mark in self._heads.marks()} if self._marks else {}
        for mark in self._marks.values():
            self._hold_against(mark, seen)
        command_offset = self._last[1]
        if commands_end is not None and command_offset >= commands_end:
            command_offset = -1
        return PartitionLedger(self._heads, command_offset, end, self._uncovered)

    def _fold(self, stored: StoredEvent) -> None:
        event, offset = stored.event, stored.offset
        self._uncovered.setdefault(event.incident_id, offset)
        head = self._heads.get(event.incident_id) or Head(IncidentState(incident_id=event.incident_id))
        fault = _fault(head, stored)
        if fault:
            self._spoil(event.incident_id, fault)
            return
        try:
            self._heads[event.incident_id] = head.after(event, offset)
        except UNFIT as error:
            self._spoil(event.incident_id, f"version {event.version} cannot be folded ({error!r})")
        else:
            self._last = max(self._last, (offset, event.command_offset))

    def _mend(self) -> None:
        """Fold the incidents that were repaired, from their records as they count."""
        mended, self._mended = self._mended, {}
        self._done |= mended.keys()
        for incident_id, entries in mended.items():
            for entry in as_repaired(entries, self._repairs[incident_id]):
                if isinstance(entry, StoredEvent):
                    self._fold(entry)
                else:
                    self._spoil(incident_id, f"the record at offset {entry.offset} is no event ({entry.reason})")

    def _begin_at(self, start: int) -> None:
        """Read from `start` on: take over the snapshots that end before it, and find out whose events are missing then."""
        self.start = start
        for incident_id, mark in self._marks.items():
            claim = self._claims.get(incident_id)
            if claim is None:
                if mark.snapshot_version:
                    self._waiting.add(incident_id)
            elif _is_older(claim, mark):
                self._disbelieve(incident_id, "a signed checkpoint has seen another")
        for incident_id in [one for one, claim in self._claims.items() if claim.offset < start]:
            if incident_id in self._marks:
                self._believe(incident_id)
            else:
                self._disbelieve(incident_id, "no signed checkpoint knows of it")

    def _hold_against(self, mark: Mark, seen: dict[str, Mark]) -> None:
        found = seen.get(mark.incident_id)
        if found is None or found.version < mark.version:
            have = 0 if found is None else found.version
            self._spoil(mark.incident_id, f"a signed checkpoint has seen version {mark.version}, the log {have}")
        elif found.version == mark.version and found.hash != mark.hash:
            self._spoil(mark.incident_id, f"a signed checkpoint has seen another version {mark.version}")

    def _judge(self, event: IncidentEvent, offset: int) -> None:
        """Hold an unconfirmed snapshot against the first event at its offset or after."""
        claim = self._claims[event.incident_id]
        claimed = (claim.offset, claim.version, claim.hash, claim.command_offset)
        if claimed == (offset, event.version, event.hash, event.command_offset) and check(event):
            self._believe(event.incident_id)
        else:
            self._disbelieve(event.incident_id, _NOT_CONFIRMED)

    def _believe(self, incident_id: str) -> None:
        claim = self._claims.pop(incident_id)
        self._heads.keep(claim)
        self._last = max(self._last, (claim.offset, claim.command_offset))

    def _disbelieve(self, incident_id: str, why: str) -> None:
        del self._claims[incident_id]
        self._waiting.add(incident_id)
        self.distrusted[incident_id] = why

    def _spoil(self, incident_id: str, fault: str) -> None:
        head = self._heads.get(incident_id) or Head(IncidentState(incident_id=incident_id))
        if not head.fault:
            self._heads[incident_id] = replace(head, fault=f"Its chain is damaged: {fault}. {_VERIFY}")


_NOTHING = Head(IncidentState(incident_id=""))


def _is_older(claim: Claim, mark: Mark) -> bool:
    """Whether a checkpoint knows of another snapshot than this one."""
    if claim.version == mark.version:
        return claim.hash != mark.hash
    return claim.version < mark.snapshot_version


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
