"""Diagnosis's view of other incidents: who is unusual now, and which of them stand upstream of a service."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeAlias

from agents.diagnosis.evidence import AnomalyFact, one_line, with_anomaly
from agents.diagnosis.graph import Reached, ServiceGraph
from schemas.records.analysis import Anomaly, Diagnosis
from schemas.records.intake import TopologyEdge
from schemas.records.vocabulary import Classification, Evidence, Millis
from streams.stage import Received

Place: TypeAlias = tuple[str, str, str]  # tenant, environment, service

# Suspects that a diagnosis weighs; more would not be read, and each costs a walk of the graph.
MAX_SUSPECTS = 5


@dataclass(frozen=True, slots=True)
class Named:
    """The cause that a service's own diagnosis names, and where that is on record."""

    classification: Classification
    evidence: Evidence
    arrived_at: Millis


@dataclass(frozen=True, slots=True)
class Suspect:
    """An unusual service upstream, strongest anomaly first; `path` leads to it, itself last.

    `silent_hops` of the services between show nothing unusual; `mutual` where the suspect also needs the service itself, so
    that the graph alone does not tell cause from effect; `looked_at` services were looked at to find it; `named` is what its own
    diagnosis says.
    """

    service: str
    incident_id: str
    path: tuple[str, ...]
    silent_hops: int
    mutual: bool
    looked_at: int
    anomalies: tuple[AnomalyFact, ...]
    edges: tuple[Evidence, ...]
    named: Named | None = None

    @property
    def depth(self) -> int:
        """How many edges away it is."""
        return len(self.path)


class Neighbourhood:
    """Recent anomalies by service, and the graph.

    Args:
        graph: the dependency graph to fold edges into.
        max_services: with anomalies, least recently unusual dropped first; about 2 KB each.
        max_series: of one service.
        max_age_s: of an anomaly, in arrival time and in event time, to count as recent.
    """

    def __init__(
        self, graph: ServiceGraph | None = None, *, max_services: int = 10_000, max_series: int = 8,
        max_age_s: float = 300.0,
    ) -> None:  # fmt: skip
        self.graph = graph or ServiceGraph()
        self._max_services = max_services
        self._max_series = max_series
        self._max_age_ms = int(max_age_s * 1000)
        self._unusual: OrderedDict[Place, list[AnomalyFact]] = OrderedDict()
        self._named: OrderedDict[Place, Named] = OrderedDict()

    @property
    def services(self) -> int:
        """How many services with anomalies are held."""
        return len(self._unusual)

    def observe(self, received: Received[Any]) -> None:
        """Take a TopologyEdge, an Anomaly or a Diagnosis; anything else says nothing here."""
        if isinstance(received.record, TopologyEdge):
            self.graph.observe(received)
        elif isinstance(received.record, Anomaly):
            self._observe_anomaly(received)
        elif isinstance(received.record, Diagnosis):
            self._observe_diagnosis(received)

    def recent(self, place: Place, now: Millis, around: Millis) -> tuple[AnomalyFact, ...]:
        """A service's anomalies that arrived within the age of `now` and happened within it of `around`."""
        close = (
            fact
            for fact in self._unusual.get(place, ())
            if abs(now - fact.arrived_at) <= self._max_age_ms and abs(around - fact.last_at) <= self._max_age_ms
        )
        return tuple(sorted(close, key=lambda fact: (-fact.score, fact.series)))

    def suspects(self, place: Place, now: Millis, around: Millis) -> list[Suspect]:
        """Unusual services upstream, at most MAX_SUSPECTS, the most unusual first and the nearer of equals.

        Of an unbroken chain of unusual services only the deepest is a suspect: the others suffer from it.
        """
        tenant, environment, service = place
        reached = self.graph.upstream(tenant, environment, service)
        unusual = {r.service: found for r in reached if (found := self.recent((*place[:2], r.service), now, around))}
        suffering = {name for r in reached if r.service in unusual for name in _chain(r, unusual)}
        blamed = [r for r in reached if r.service in unusual and r.service not in suffering]
        blamed.sort(key=lambda r: (-unusual[r.service][0].score, r.depth, r.service))
        return [self._suspect(place, r, unusual, len(reached), now) for r in blamed[:MAX_SUSPECTS]]

    def _suspect(
        self, place: Place, reached: Reached, unusual: dict[str, tuple[AnomalyFact, ...]], looked_at: int, now: Millis
    ) -> Suspect:
        found = unusual[reached.service]
        named = self._named.get((place[0], place[1], reached.service))
        back = self.graph.upstream(place[0], place[1], reached.service)
        return Suspect(
            service=reached.service,
            incident_id=found[0].incident_id,
            path=reached.path,
            silent_hops=sum(name not in unusual for name in reached.path[:-1]),
            mutual=any(r.service == place[2] for r in back),
            looked_at=looked_at,
            anomalies=found,
            edges=reached.edges,
            named=named if named and abs(now - named.arrived_at) <= self._max_age_ms else None,
        )

    def _observe_anomaly(self, received: Received[Anomaly]) -> None:
        told = received.record
        place = (told.tenant, told.environment, told.service)
        self._unusual[place] = with_anomaly(self._unusual.get(place, []), received, self._max_series)
        self._unusual.move_to_end(place)
        self._forget(received.position.arrived_at)

    def _observe_diagnosis(self, received: Received[Diagnosis]) -> None:
        told = received.record
        place = (told.tenant, told.environment, told.service)
        self._named.pop(place, None)
        if told.parent_incident_id is None and told.classification != Classification.UNKNOWN:
            said = received.position.evidence(one_line(f"diagnosis: {told.root_cause}"))
            self._named[place] = Named(told.classification, said, received.position.arrived_at)
        if len(self._named) > self._max_services:
            self._named.popitem(last=False)

    def _forget(self, now: Millis) -> None:
        while self._unusual:
            oldest, facts = next(iter(self._unusual.items()))
            aged = all(now - fact.arrived_at > self._max_age_ms for fact in facts)
            if len(self._unusual) <= self._max_services and not aged:
                return
            del self._unusual[oldest]


def _chain(reached: Reached, unusual: dict[str, tuple[AnomalyFact, ...]]) -> list[str]:
    """The unusual services that lead without a gap to a deeper unusual one."""
    chain: list[str] = []
    for name in reversed(reached.path[:-1]):
        if name not in unusual:
            break
        chain.append(name)
    return chain
