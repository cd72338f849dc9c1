"""What of a damaged incident can be restored: the events that the chain proves to be right. Pure.

A hash proves what it is the hash of. So whoever trusts one event's hash can tell the event before it, wherever it comes from,
by its own hash, and so down to the first. Trusted are, in this order: what a signed checkpoint or a marked snapshot has seen,
and the log's last event that is bound to the one before it. Nothing else proves the end of a chain: what only the projection
has behind it is not restored.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.records.log import IncidentEvent
from state.chain import GENESIS, check
from state.ports import StoredEvent
from state.repairs import Entry, as_repaired, version_of
from state.verification import Fault, Verification
from state.witnesses import Witness


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is to be written for one incident, and the faults that stay: nothing proves what would be right there."""

    events: tuple[IncidentEvent, ...]
    refused: tuple[Fault, ...]


def plan_restoration(
    incident_id: str, entries: Sequence[Entry], held: Iterable[IncidentEvent], witnesses: Sequence[Witness]
) -> Restoration:
    """What can be restored of an incident.

    Args:
        entries: its records in the log as they count (state.repairs.as_repaired), in order.
        held: its events in the projection.
        witnesses: of this incident, the most trusted first.
    """
    chain = _proven(_Pool(incident_id, entries, held), witnesses)
    standing = _standing(entries)
    wrong = [version for version, event in sorted(chain.items()) if standing.get(version) != event]
    events = tuple(chain[version] for version in wrong)
    return Restoration(events, tuple(verification_of(_with(entries, events), witnesses).faults()))


def verification_of(
    entries: Iterable[Entry], witnesses: Iterable[Witness], sworn: Mapping[str, int] | None = None
) -> Verification:
    """One incident's records, verified; `sworn` are partitions of incidents that are beyond doubt."""
    found = Verification(sworn)
    for entry in entries:
        if isinstance(entry, StoredEvent):
            found.event(entry)
        else:
            found.unreadable(entry)
    for witness in witnesses:
        found.witness(witness)
    return found


class _Pool:
    """Every event that is what it was when it was sealed, from the log and the projection, by its hash."""

    def __init__(self, incident_id: str, entries: Iterable[Entry], held: Iterable[IncidentEvent]) -> None:
        logged = [entry.event for entry in entries if isinstance(entry, StoredEvent)]
        whole = [event for event in (*logged, *held) if event.incident_id == incident_id and check(event)]
        self.by_hash = {event.hash: event for event in whole}
        self.logged: dict[int, dict[str, IncidentEvent]] = defaultdict(dict)
        for event in logged:
            if event.hash in self.by_hash:
                self.logged[event.version][event.hash] = event

    def at(self, version: int, digest: str) -> IncidentEvent | None:
        """The event of this version and hash, if there is one."""
        event = self.by_hash.get(digest)
        return event if event is not None and event.version == version else None

    def bound(self, event: IncidentEvent) -> bool:
        """Whether the event before is known, too."""
        if event.version == 1:
            return event.previous_hash == GENESIS
        return self.at(event.version - 1, event.previous_hash) is not None


def _proven(pool: _Pool, witnesses: Sequence[Witness]) -> dict[int, IncidentEvent]:
    top = _seen(pool, witnesses) or _last_bound(pool)
    if top is None:
        return {}
    chain = {top.version: top}
    below = top
    while below.version > 1 and (before := pool.at(below.version - 1, below.previous_hash)) is not None:
        below = chain[before.version] = before
    while len(after := _following(pool, top)) == 1:
        (top,) = after
        chain[top.version] = top
    return chain


def _seen(pool: _Pool, witnesses: Sequence[Witness]) -> IncidentEvent | None:
    for witness in sorted(witnesses, key=lambda one: -one.version):
        if (event := pool.at(witness.version, witness.hash)) is not None:
            return event
    return None


def _last_bound(pool: _Pool) -> IncidentEvent | None:
    for version in sorted(pool.logged, reverse=True):
        some = [event for event in pool.logged[version].values() if pool.bound(event)]
        if len(some) == 1:  # of two, nothing says which one is right
            return some[0]
    return None


def _following(pool: _Pool, event: IncidentEvent) -> list[IncidentEvent]:
    after = pool.logged.get(event.version + 1, {}).values()
    return [one for one in after if one.previous_hash == event.hash]


def _standing(entries: Sequence[Entry]) -> dict[int, IncidentEvent]:
    """The versions that the log has once, as they were sealed, and in their place."""
    times = Counter(map(version_of, entries))
    found, last = dict[int, IncidentEvent](), 0
    for entry in entries:
        version = version_of(entry)
        if version > last and times[version] == 1 and isinstance(entry, StoredEvent) and check(entry.event):
            found[version] = entry.event
        last = max(last, version)
    return found


def _with(entries: Sequence[Entry], events: Sequence[IncidentEvent]) -> list[Entry]:
    """The records once these are written."""
    end = max((entry.offset for entry in entries), default=-1) + 1
    partition = entries[0].partition if entries else 0
    topic = entries[0].topic if entries else ""
    written = [StoredEvent(event, topic, partition, end + at) for at, event in enumerate(events)]
    return as_repaired(entries, written)


def grouped(witnesses: Iterable[Witness], wanted: Mapping[str, object]) -> dict[str, list[Witness]]:
    """The witnesses of the incidents that are wanted."""
    found: dict[str, list[Witness]] = {incident_id: [] for incident_id in wanted}
    for witness in witnesses:
        if witness.incident_id in found:
            found[witness.incident_id].append(witness)
    return found
