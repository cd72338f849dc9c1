"""What a batch of events adds to one incident of a projection: the same judgement for every store. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from state.errors import ProjectionConflictError, ProjectionGapError
from state.incident import IncidentState, follow
from state.ports import StoredEvent

# Hashes by version, of the events that a store holds from one version to another, both included.
HeldHashes = Callable[[int, int], Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Advance:
    """The state that results, the events that were new, and those that contradict what is held."""

    state: IncidentState
    fresh: list[StoredEvent] = field(default_factory=list)
    conflicts: list[StoredEvent] = field(default_factory=list)


def by_incident(events: Sequence[StoredEvent]) -> dict[str, list[StoredEvent]]:
    """The events of each incident, in the order in which they came."""
    groups: dict[str, list[StoredEvent]] = {}
    for stored in events:
        groups.setdefault(stored.event.incident_id, []).append(stored)
    return groups


def advance(state: IncidentState, events: Sequence[StoredEvent], held: HeldHashes) -> Advance:
    """Fold what is new of one incident's events onto its state; a version that is known changes nothing.

    Args:
        state: the incident as the store has it.
        held: asked only when a known version comes again.

    Raises:
        ProjectionGapError: an event's predecessor is missing.
    """
    fresh: list[StoredEvent] = []
    again: list[StoredEvent] = []
    head = state
    for stored in events:
        if stored.event.version <= head.version:
            again.append(stored)
        elif stored.event.version == head.version + 1:
            head = follow(head, stored.event)
            fresh.append(stored)
        else:
            raise _gap(head, stored)
    return Advance(head, fresh, _conflicts(again, fresh, held))


def report(steps: Sequence[Advance]) -> int:
    """How many events were new, once all steps are kept.

    Raises:
        ProjectionConflictError: some contradict what is held; names the first, and how many there are.
    """
    conflicts = [stored for step in steps for stored in step.conflicts]
    taken_in = sum(len(step.fresh) for step in steps)
    if not conflicts:
        return taken_in
    event, at = conflicts[0].event, f"{conflicts[0].topic}-{conflicts[0].partition} offset {conflicts[0].offset}"
    more = f" (and {len(conflicts) - 1} more)" if len(conflicts) > 1 else ""
    raise ProjectionConflictError(
        f"Version {event.version} of {event.incident_id} at {at} differs from the one that is held{more}. The first "
        "was kept and the rest of the batch was taken in. `breakwater events verify` tells what happened to the log.",
        incident_id=event.incident_id,
        version=event.version,
        taken_in=taken_in,
    )


def _conflicts(again: list[StoredEvent], fresh: list[StoredEvent], held: HeldHashes) -> list[StoredEvent]:
    if not again:
        return []
    versions = [stored.event.version for stored in again]
    first = {stored.event.version: stored.event.hash for stored in fresh}
    known = {**held(min(versions), max(versions)), **first}
    # A version below the first that is held has gone to the archive: there is nothing to contradict.
    return [stored for stored in again if known.get(stored.event.version, stored.event.hash) != stored.event.hash]


def _gap(head: IncidentState, stored: StoredEvent) -> ProjectionGapError:
    event = stored.event
    return ProjectionGapError(
        f"Version {event.version} of {event.incident_id} came ({stored.topic}-{stored.partition} offset "
        f"{stored.offset}), but the projection holds it up to {head.version}. Nothing of the batch was taken in: "
        f"replay the incident's events from version {head.version + 1}.",
        incident_id=event.incident_id,
        held_version=head.version,
    )
