"""Proving the event store whole: every event sealed, every chain without gap, fork or repetition. Pure and streaming.

Memory: 8 bytes an event (its fingerprint, so that a repeated version is known for the same event or for another), and the end
of each incident's chain, some 1.5 kB; witnesses are as many as incidents.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from schemas.records.log import IncidentEvent
from state.chain import GENESIS, check
from state.event_log import UnreadableEvent
from state.ports import StoredEvent
from state.witnesses import Witness

# A version that is so far ahead of the last is no gap: somebody wrote it. Nor are so many in all: at 8 bytes each they would
# fill the memory, an incident a forged event.
_MOST_MISSING = 1_000_000
_MOST_MISSING_IN_ALL = 10_000_000


class FaultKind(StrEnum):
    """What can be wrong with a chain.

    gap: a version is missing. fork: a version is there twice, with different words. reorder: a version comes after a later
    one. duplicate: the same event is there twice. truncation: the log ends before a version that a snapshot or a signed
    checkpoint has seen.
    tamper: an event does not say what was sealed, is not bound to the one before, lies in another partition than its
    incident, or is no event at all.
    """

    GAP = "gap"
    FORK = "fork"
    REORDER = "reorder"
    DUPLICATE = "duplicate"
    TRUNCATION = "truncation"
    TAMPER = "tamper"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, where it shows, and a sentence about it. A gap's version is the first that is missing."""

    kind: FaultKind
    incident_id: str
    version: int
    partition: int
    offset: int
    detail: str


@dataclass(slots=True)
class _Head:
    """What is remembered of a chain.

    `known[v - 1]` is the fingerprint of version v, 0 where it is missing. `bound` holds, of the version after a gap, the
    hash that the missing one must have. `gaps` says, by first missing version, where the gap showed. `first` is the version and
    the offset of the first of its `records`.
    """

    known: "array[int]" = field(default_factory=lambda: array("Q"))
    hashes: tuple[str, ...] = (GENESIS,)
    bound: dict[int, str] = field(default_factory=dict)
    gaps: dict[int, tuple[int, int]] = field(default_factory=dict)
    partition: int = 0
    offset: int = 0
    first: tuple[int, int] = (0, 0)
    records: int = 0


class Verification:
    """Takes the events in the order of their partitions, and then the witnesses; tells the faults.

    An incident has one partition. Where it has events in several, each is a chain of its own until all were heard; then one is
    taken for the incident's (`home_of`), and the rest for somebody's doing.

    Args:
        sworn: partitions of incidents that are beyond doubt.
    """

    def __init__(self, sworn: Mapping[str, int] | None = None) -> None:
        self.events = 0
        self._sworn = sworn or {}
        self._heads: dict[str, _Head] = {}
        self._others: dict[str, dict[int, _Head]] = {}  # of incidents in several partitions, those after the first
        # By incident: a settled or a repaired one takes its own out, however many others have.
        self._chain_faults: dict[str, list[Fault]] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._cut: set[str] = set()
        self._missing_left = _MOST_MISSING_IN_ALL

    @property
    def incidents(self) -> int:
        """How many incidents were seen."""
        return len(self._heads)

    def event(self, stored: StoredEvent) -> None:
        """Take the next event."""
        self.events += 1
        event = stored.event
        head = self._head_of(stored)
        head.records += 1
        expected = len(head.known) + 1
        if not check(event):
            self._fault(FaultKind.TAMPER, stored, "what it says does not match its hash")
            # Its version is believed where it fits, so that one changed event is one fault.
            if event.version == expected:
                self._extend(head, stored)
            elif 0 < event.version < expected and not head.known[event.version - 1]:
                head.known[event.version - 1] = _fingerprint(event.hash)
        elif event.version >= expected:
            self._ahead(head, stored, expected)
        elif event.version > 0:
            self._behind(head, stored)
        else:
            self._fault(FaultKind.TAMPER, stored, "versions begin at 1")

    def unreadable(self, found: UnreadableEvent) -> None:
        """Take a record of the log that is no event."""
        self._tell(Fault(
            FaultKind.TAMPER, found.incident_id, found.version, found.partition, found.offset,
            f"the record is no event ({found.reason})",
        ))  # fmt: skip

    def witness(self, seen: Witness) -> None:
        """Hold what has seen a version against the log, once that was read to its end; it must be older than that end.

        Of several witnesses of what is missing of an incident, the first one that is heard is told.
        """
        self._settle(seen.incident_id)
        head = self._heads.setdefault(seen.incident_id, _Head(partition=seen.partition))
        if seen.version > len(head.known):
            if seen.incident_id not in self._cut:
                detail = f"{seen.name} has seen version {seen.version}, the log ends at {len(head.known)}"
                self._cut.add(seen.incident_id)
                self._tell(Fault(
                    FaultKind.TRUNCATION, seen.incident_id, len(head.known) + 1, head.partition, seen.offset, detail
                ))  # fmt: skip
        elif seen.version > 0 and head.known[seen.version - 1] not in (0, _fingerprint(seen.hash)):
            self._tell(Fault(
                FaultKind.TAMPER, seen.incident_id, seen.version, head.partition, seen.offset,
                f"the event is another than the one that {seen.name} has seen",
            ))  # fmt: skip

    def forged_checkpoint(self, partition: int, offset: int) -> None:
        """Take a record of the checkpoints' topic that names a trusted key, which did not sign it."""
        self._tell(Fault(
            FaultKind.TAMPER, "", 0, partition, offset, "a checkpoint does not say what was signed (incident.checkpoints)"
        ))  # fmt: skip

    def absorb(self, other: "Verification", incident_id: str, counted: int) -> None:
        """Take another verification's word on an incident instead of this one's, which counted so many of its events."""
        self.events += other.events - counted
        for mine, theirs in ((self._faults, other._faults), (self._chain_faults, other._chain_faults)):
            mine.pop(incident_id, None)
            for name, faults in theirs.items():
                mine.setdefault(name, []).extend(faults)
        self._heads.pop(incident_id, None)
        self._others.pop(incident_id, None)
        self._heads.update(other._heads)
        self._others.update(other._others)

    def faults(self) -> list[Fault]:
        """All that is wrong, by partition and offset."""
        for incident_id in list(self._others):
            self._settle(incident_id)
        told = chain.from_iterable((*self._faults.values(), *self._chain_faults.values()))
        found = [*told, *self._gaps()]
        return sorted(found, key=lambda fault: (fault.partition, fault.offset, fault.incident_id, fault.version))

    def _head_of(self, stored: StoredEvent) -> _Head:
        """What is known of the event's incident in its partition."""
        event, at = stored.event, stored.partition
        head = self._heads.get(event.incident_id)
        if head is not None and head.partition == at:
            return head
        new = _Head(partition=at, first=(event.version, stored.offset))
        if head is None:
            return self._heads.setdefault(event.incident_id, new)
        return self._others.setdefault(event.incident_id, {}).setdefault(at, new)

    def _settle(self, incident_id: str) -> None:
        """Take one partition of an incident for its own, and say what lies in others."""
        others = self._others.pop(incident_id, None)
        if others is None:
            return
        heads = {self._heads[incident_id].partition: self._heads[incident_id], **others}
        home = home_of({at: head.records for at, head in heads.items()}, self._sworn.get(incident_id))
        self._chain_faults[incident_id] = [f for f in self._chain_faults.get(incident_id, ()) if f.partition == home]
        self._heads[incident_id] = heads.pop(home)
        for at, head in heads.items():
            version, offset = head.first
            more = f", and {head.records - 1} more of its records after it" if head.records > 1 else ""
            detail = f"it lies in partition {at}{more}, and its incident in partition {home}"
            self._tell(Fault(FaultKind.TAMPER, incident_id, version, at, offset, detail))

    def _ahead(self, head: _Head, stored: StoredEvent, expected: int) -> None:
        event = stored.event
        missing = event.version - expected
        if missing > min(_MOST_MISSING, self._missing_left):
            self._fault(FaultKind.TAMPER, stored, f"it is bound to no version near {expected - 1}, the last one")
            return
        if event.version > expected:
            head.gaps[expected] = (stored.partition, stored.offset)
            head.bound[event.version - 1] = event.previous_hash
            head.known.extend([0] * missing)
            self._missing_left -= missing
        elif event.previous_hash not in head.hashes:
            self._fault(
                FaultKind.TAMPER, stored, f"it is not bound to version {expected - 1} as that stands in the log"
            )
        self._extend(head, stored)

    def _extend(self, head: _Head, stored: StoredEvent) -> None:
        head.known.append(_fingerprint(stored.event.hash))
        head.hashes = (stored.event.hash,)
        head.partition, head.offset = stored.partition, stored.offset

    def _behind(self, head: _Head, stored: StoredEvent) -> None:
        event, last = stored.event, len(head.known)
        known = head.known[event.version - 1]
        if known == 0:
            head.known[event.version - 1] = _fingerprint(event.hash)
            self._fault(FaultKind.REORDER, stored, f"it comes after version {last}")
            self._check_links(head, stored)
        elif known == _fingerprint(event.hash):
            self._fault(FaultKind.DUPLICATE, stored, "the same event is in the log before")
        else:
            self._fault(FaultKind.FORK, stored, "another event of this version is in the log before")
            if event.version == last:
                head.hashes = (*head.hashes, event.hash)

    def _check_links(self, head: _Head, stored: StoredEvent) -> None:
        event = stored.event
        before = head.known[event.version - 2] if event.version > 1 else _fingerprint(GENESIS)
        if before not in (0, _fingerprint(event.previous_hash)):
            self._fault(FaultKind.TAMPER, stored, f"it is not bound to version {event.version - 1}")
        if head.bound.pop(event.version, event.hash) != event.hash:
            self._fault(FaultKind.TAMPER, stored, f"version {event.version + 1} is bound to another one")

    def _gaps(self) -> Iterable[Fault]:
        for incident_id, head in self._heads.items():
            begins = sorted(head.gaps)
            for first, end in zip(begins, [*begins[1:], len(head.known) + 1], strict=False):
                yield from _missing(incident_id, head, first, end)

    def _fault(self, kind: FaultKind, stored: StoredEvent, detail: str) -> None:
        event: IncidentEvent = stored.event
        fault = Fault(kind, event.incident_id, event.version, stored.partition, stored.offset, detail)
        self._chain_faults.setdefault(event.incident_id, []).append(fault)

    def _tell(self, fault: Fault) -> None:
        """A fault that stays, whichever partition is the incident's."""
        self._faults.setdefault(fault.incident_id, []).append(fault)


def home_of(records: Mapping[int, int], sworn: int | None = None) -> int:
    """An incident's partition, of those that hold so many of its records: the one that was sworn to, else where most lie."""
    if sworn is not None and sworn in records:
        return sworn
    return max(sorted(records), key=lambda at: records[at])


def _missing(incident_id: str, head: _Head, first: int, end: int) -> Iterable[Fault]:
    """The runs of versions of one gap that never came; `end` is where the next one begins, or the log ends."""
    partition, offset = head.gaps[first]
    run = 0
    for version in range(first, end + 1):
        if version < end and head.known[version - 1] == 0:
            run += 1
        elif run:
            start = version - run
            what = f"version {start} is" if run == 1 else f"versions {start} to {version - 1} are"
            yield Fault(FaultKind.GAP, incident_id, start, partition, offset, f"{what} missing")
            run = 0


def _fingerprint(digest: str) -> int:
    """64 bits of a hash, never 0; a hash that is no hex digits is as good as any wrong one."""
    try:
        return int(digest[:16], 16) or 1
    except ValueError:
        return 1
