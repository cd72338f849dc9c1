"""Filling a projection from the log: an empty one from nothing, or one that was left behind."""

from collections.abc import Iterable

from schemas.records.log import IncidentEvent
from state.errors import ProjectionConflictError, ProjectionGapError
from state.ports import Projection, StoredEvent

# An incident's state and lists are written once a batch, however many of its events are in it, and its events in one request: of
# 2,000 incidents in turns, ten events each. At 2 KB an event this holds 40 MB.
BATCH = 20_000


def rebuild(projection: Projection, events: Iterable[StoredEvent], batch: int = BATCH) -> int:
    """Take all events in, a batch at a time; return how many were new.

    Events of an incident may come in any order: a version that was repaired, and so written again, lies behind its
    successors in the log. What waits for a predecessor is kept in memory.

    Args:
        projection: may hold some of the events already.
        events: the log, as it lies.
        batch: events a transaction.

    Raises:
        ProjectionGapError: the log lacks a version; all that can be folded without it is in the projection.
        ProjectionConflictError: the log has two events of one version; the first is in the projection, with all others.
        ProjectionUnavailableError: the store does not answer; what was taken in stays, so go on by starting again.
    """
    order = _VersionOrder(projection)
    ready: list[StoredEvent] = []
    intake = _Intake(projection)
    for stored in events:
        ready += order.release(stored)
        if len(ready) >= batch:
            intake.take(ready)
            ready = []
    intake.take(ready)
    order.refuse_gaps()
    if intake.conflict:
        raise intake.conflict
    return intake.new


class _Intake:
    """Goes on after a conflict, so that one forged event does not keep all others out; remembers the first."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self.new = 0
        self.conflict: ProjectionConflictError | None = None

    def take(self, events: list[StoredEvent]) -> None:
        try:
            self.new += self._projection.apply(events)
        except ProjectionConflictError as error:
            self.new += error.taken_in
            self.conflict = self.conflict or error


class _VersionOrder:
    """Holds events back until their predecessors have come."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._heads: dict[str, int] = {}
        self._waiting: dict[str, dict[int, StoredEvent]] = {}

    def release(self, stored: StoredEvent) -> list[StoredEvent]:
        """What may be applied now that this event has come."""
        event = stored.event
        head = self._head(event)
        if event.version <= head:
            return [stored]
        waiting = self._waiting.setdefault(event.incident_id, {})
        waiting.setdefault(event.version, stored)
        released = []
        while head + 1 in waiting:
            head += 1
            released.append(waiting.pop(head))
        self._heads[event.incident_id] = head
        if not waiting:
            del self._waiting[event.incident_id]
        return released

    def refuse_gaps(self) -> None:
        """Raise where an event still waits."""
        if not self._waiting:
            return
        incident_id, waiting = next(iter(self._waiting.items()))
        head, count = self._heads[incident_id], sum(len(w) for w in self._waiting.values())
        raise ProjectionGapError(
            f"The log lacks version {head + 1} of {incident_id}, but has version {min(waiting)}; {count} events of "
            f"{len(self._waiting)} incidents wait for a predecessor. All others were taken in. `breakwater events "
            "verify` tells what is missing.",
            incident_id=incident_id,
            held_version=head,
        )

    def _head(self, event: IncidentEvent) -> int:
        head = self._heads.get(event.incident_id)
        if head is None:
            state = self._projection.incident(event.incident_id)
            head = self._heads[event.incident_id] = state.version if state else 0
        return head
