"""The port of the read side: what a projection of the event store can be asked, whatever keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Millis
from state.incident import IncidentState


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event and where it lies in the log."""

    event: IncidentEvent
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """Which incidents are wanted, newest activity first. `cursor` continues a page; `since` is on the last event's time."""

    status: str | None = None
    tenant: str | None = None
    service: str | None = None
    since: Millis | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of incidents; `cursor` asks for the next one, None where there is none."""

    incidents: list[IncidentState] = field(default_factory=list)
    cursor: str | None = None


class Projection(Protocol):
    """Incidents as a fold of events, to be asked for. Idempotent: an event of a version that is there changes nothing."""

    def apply(self, events: Sequence[StoredEvent]) -> int:
        """Take events in, in version order by incident; return how many were new.

        Raises:
            ProjectionGapError: a version was left out: replay from the projection's own version on.
            ProjectionUnavailableError: the store does not answer; retry.
        """

    def incident(self, incident_id: str) -> IncidentState | None:
        """The folded state of one incident."""

    def timeline(self, incident_id: str, after_version: int = 0, limit: int = 10_000) -> list[StoredEvent]:
        """The events of one incident with a greater version, in order."""

    def incidents(self, query: IncidentQuery) -> Page:
        """Incidents that match, the latest change first.

        Raises:
            BadCursorError: the cursor is not one that this store gave.
        """

    def count(self) -> int:
        """The number of events that are held."""

    def clear(self) -> None:
        """Forget everything: the log has it."""

    def close(self) -> None:
        """Give connections back."""
