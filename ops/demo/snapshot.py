"""Everything that the view shows and the summary tells, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.demo.fleet import FleetProgress
from ops.demo.sightings import Sighting
from schemas.records.vocabulary import Millis
from state.incident import IncidentState
from streams.topics import EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCounts:
    """What became of the alerts, as the sampling stage accounts for them."""

    received: int = 0
    kept: int = 0
    suppressed: int = 0
    late: int = 0
    dead_lettered: int = 0

    @property
    def exact(self) -> bool:
        """Whether every alert is accounted for: received = kept + suppressed + late + dead-lettered."""
        return self.received == self.kept + self.suppressed + self.late + self.dead_lettered


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the log says of the demonstration's incidents; `told` are records by topic, `dead_letters` those of alerts.

    `resolved`: each incident as it was when an episode of it was last resolved, by an action where there was one.
    """

    alerts: AlertCounts = field(default_factory=AlertCounts)
    incidents: tuple[IncidentState, ...] = ()
    resolved: Mapping[str, IncidentState] = field(default_factory=dict)
    told: Mapping[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    storms: int = 0
    loudest_storm_per_s: float = 0.0

    def incident(self, incident_id: str) -> IncidentState | None:
        """One of them."""
        return next((i for i in self.incidents if i.incident_id == incident_id), None)

    def remedied(self, now: IncidentState) -> IncidentState:
        """The incident as it is to be told of: where a later episode is under way or needed no action, as it was when mended."""
        before = self.resolved.get(now.incident_id, now)
        return before if now.active or (before.actions and not now.actions) else now

    @property
    def events(self) -> int:
        """Events of the demonstration's incidents."""
        return self.told.get(EVENTS.name, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSnapshot:
    """One moment of a demonstration. Times are epoch ms; `lag` is records behind, by worker, where it is known.

    `broken_at` is when the target took on its fault, 0 before; `late` is whether time was up before all was reached.
    """

    scenario: str
    title: str
    environment: str
    target_service: str
    target_url: str = ""
    step: str
    started_at: Millis
    at: Millis
    broken_at: Millis = 0
    late: bool = False
    fleet: FleetProgress = field(default_factory=FleetProgress)
    target: Sighting = field(default_factory=Sighting)
    observed: Observed = field(default_factory=Observed)
    lag: Mapping[str, int] = field(default_factory=dict)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return (self.at - self.started_at) / 1000
