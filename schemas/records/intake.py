"""What producers send: alerts, metric points, log lines and the edges of the service graph."""

from dataclasses import dataclass, field

from schemas.records.vocabulary import AlertStatus, Millis, Severity, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, as it is on `alerts` and, its bytes unchanged, on `alerts.sampled`.

    `fingerprint` tells alerts of the same condition apart from others (tenant, environment, service, name, source).
    """

    alert_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    name: str
    severity: Severity
    status: AlertStatus
    tier: Tier
    fingerprint: str
    source: str
    occurred_at: Millis
    received_at: Millis
    message: str
    labels: dict[str, str] = field(default_factory=dict)
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One value of a metric series; `series` is its key: tenant/environment/service/name and its labels."""

    series: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    name: str
    value: float
    unit: str
    occurred_at: Millis
    received_at: Millis
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a service's log."""

    incident_id: str
    tenant: str
    environment: str
    service: str
    source: str
    level: Severity
    message: str
    occurred_at: Millis
    received_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologyEdge:
    """`service` needs `depends_on`, or no longer does when `removed`. Compacted by tenant, environment and both ends."""

    tenant: str
    environment: str
    service: str
    depends_on: str
    kind: str
    tier: Tier
    removed: bool
    occurred_at: Millis
