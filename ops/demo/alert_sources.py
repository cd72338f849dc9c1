"""The alerts of a storm: which instances fire which rules, and what each of their alerts says. Deterministic by seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ops.demo.scenarios import BYSTANDERS, CALM_KINDS, AlertKind, Scenario
from schemas.identity import alert_fingerprint, incident_id
from schemas.records.intake import Alert, TopologyEdge
from schemas.records.vocabulary import AlertStatus, Millis, Severity, Tier

_INSTANCES = 12
# Of a storm's alerts, the share that the failing service's own monitoring sends.
_TARGET_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a demonstration takes place; the environment is its own, so that it meets nobody else's incidents."""

    tenant: str
    environment: str

    def incident_id(self, service: str) -> str:
        """The incident that a service's alerts belong to."""
        return incident_id(self.tenant, self.environment, service)


@dataclass(frozen=True, slots=True)
class Source:
    """One rule on one instance of a service: what has a fingerprint of its own."""

    service: str
    tier: Tier
    upstream: str
    instance: str
    kind: AlertKind
    incident_id: str
    fingerprint: str
    weight: float


class AlertMaker:
    """Makes the alerts of one scenario."""

    def __init__(self, scenario: Scenario, place: Place, seed: int) -> None:
        self._scenario = scenario
        self._place = place
        self._random = random.Random(seed)  # noqa: S311 - a simulation, no secret
        self._made = 0
        self.sources = self._all_sources()

    def edges(self, now: Millis) -> list[TopologyEdge]:
        """The service graph."""
        return [
            TopologyEdge(
                tenant=self._place.tenant, environment=self._place.environment, service=d.service,
                depends_on=d.upstream, kind="http", tier=d.tier, removed=False, occurred_at=now,
            )
            for d in self._scenario.dependents
        ]  # fmt: skip

    def chosen(self, count: int) -> list[Source]:
        """The sources that fire: of each service some, the target's first, for a storm of few fingerprints."""
        by_rule = sorted(range(len(self.sources)), key=lambda i: (self.sources[i].instance[-2:], i))
        return [self.sources[i] for i in by_rule[:count]]

    def firing_order(self, sources: list[Source], count: int) -> Iterator[Source]:
        """Who fires, `count` times: everyone once, then by weight."""
        first = self._random.sample(sources, min(len(sources), count))
        yield from first
        left = count - len(first)
        weights = [source.weight for source in sources]
        while left > 0:
            some = self._random.choices(sources, weights, k=min(left, 1000))
            left -= len(some)
            yield from some

    def firing(self, source: Source, at: Millis) -> Alert:
        """One more alert of a source."""
        kind = source.kind
        severity = kind.severities[int(self._random.random() * len(kind.severities))]
        n = 60 + int(self._random.random() * 40)
        message = kind.message.format(service=source.service, upstream=source.upstream, n=n)
        return self._alert(source, AlertStatus.FIRING, severity, message, at)

    def resolved(self, source: Source, at: Millis) -> Alert:
        """The word that a source's condition no longer holds."""
        message = f"{source.kind.name} on {source.instance} is over"
        return self._alert(source, AlertStatus.RESOLVED, source.kind.severities[0], message, at)

    def calm(self, at: Millis) -> Alert:
        """Background noise: a healthy service has something to tell."""
        service = BYSTANDERS[self._made % len(BYSTANDERS)]
        kind = CALM_KINDS[self._made % len(CALM_KINDS)]
        source = self._source(service, Tier.SUPPORTING, "", kind, 0, 1.0)
        return self.firing(source, at)

    def _all_sources(self) -> list[Source]:
        target, dependents = self._scenario.target, self._scenario.dependents
        own = len(target.alerts) * _INSTANCES
        others = len(dependents) * len(self._scenario.symptoms) * _INSTANCES
        sources = [
            self._source(target.service, target.tier, "", kind, n, _TARGET_SHARE / own)
            for kind in target.alerts
            for n in range(_INSTANCES)
        ]
        return sources + [
            self._source(d.service, d.tier, d.upstream, kind, n, (1 - _TARGET_SHARE) / others)
            for d in dependents
            for kind in self._scenario.symptoms
            for n in range(_INSTANCES)
        ]

    def _source(self, service: str, tier: Tier, upstream: str, kind: AlertKind, n: int, weight: float) -> Source:
        place, instance = self._place, f"{service}-{n:02d}"
        print_ = alert_fingerprint(place.tenant, place.environment, service, kind.name, instance)
        return Source(service, tier, upstream, instance, kind, place.incident_id(service), print_, weight)

    def _alert(self, source: Source, status: AlertStatus, severity: Severity, message: str, at: Millis) -> Alert:
        self._made += 1
        return Alert(
            alert_id=f"{self._place.environment}-{self._made:07d}", incident_id=source.incident_id,
            tenant=self._place.tenant, environment=self._place.environment, service=source.service,
            name=source.kind.name, severity=severity, status=status, tier=source.tier, fingerprint=source.fingerprint,
            source=source.instance, occurred_at=at, received_at=at, message=message,
            labels={"upstream": source.upstream} if source.upstream else {},
        )  # fmt: skip
