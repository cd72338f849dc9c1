"""What services send while they suffer, and the candidates that detection makes of it. Tenant default, environment prod."""

from schemas.identity import incident_id
from schemas.records.analysis import Anomaly, AnomalyKind, CandidateState, DataQuality, IncidentCandidate
from schemas.records.intake import Alert, LogLine, TopologyEdge
from schemas.records.vocabulary import AlertStatus, Classification, Evidence, Severity, Tier

NOW = 1_700_000_000_000
TENANT, ENVIRONMENT = "default", "prod"


def incident_of(service: str) -> str:
    """The incident of a service."""
    return incident_id(TENANT, ENVIRONMENT, service)


def alert(
    name: str = "HighErrorRate", message: str = "requests fail", *, service: str = "checkout", at: int = NOW,
    severity: Severity = Severity.ERROR, status: AlertStatus = AlertStatus.FIRING, fingerprint: str = "",
) -> Alert:  # fmt: skip
    """An alert of a service."""
    return Alert(
        alert_id=f"{name}-{at}", incident_id=incident_of(service), tenant=TENANT, environment=ENVIRONMENT,
        service=service, name=name, severity=severity, status=status, tier=Tier.CRITICAL,
        fingerprint=fingerprint or name, source="prometheus", occurred_at=at, received_at=at, message=message,
    )  # fmt: skip


def anomaly(
    metric: str = "latency_ms", *, service: str = "checkout", value: float = 900.0, expected: float = 100.0,
    trend: float = 0.0, score: float = 0.999, at: int = NOW, kind: AnomalyKind = AnomalyKind.METRIC,
) -> Anomaly:  # fmt: skip
    """An unusual point of a series."""
    return Anomaly(
        anomaly_id=f"{service}-{metric}-{at}", incident_id=incident_of(service), tenant=TENANT,
        environment=ENVIRONMENT, service=service, kind=kind, series=f"{TENANT}/{ENVIRONMENT}/{service}/{metric}",
        metric=metric, score=score, value=value, expected=expected, trend_per_min=trend, summary="unusual",
        occurred_at=at, evidence=[Evidence(topic="metrics", partition=0, offset=1, summary="a point")],
    )  # fmt: skip


def leak(service: str = "checkout", at: int = NOW, score: float = 0.999) -> Anomaly:
    """Memory that rises and rises."""
    return anomaly("memory_limit_ratio", service=service, value=0.83, expected=0.4, trend=0.6, at=at, score=score)


def line(
    message: str = "heap at 83 % of limit",
    *,
    service: str = "checkout",
    level: Severity = Severity.WARNING,
    at: int = NOW,
) -> LogLine:
    """A line of a service's log."""
    return LogLine(
        incident_id=incident_of(service), tenant=TENANT, environment=ENVIRONMENT, service=service, source="app",
        level=level, message=message, occurred_at=at, received_at=at,
    )  # fmt: skip


def edge(service: str, depends_on: str, *, removed: bool = False, tenant: str = TENANT) -> TopologyEdge:
    """`service` needs `depends_on`."""
    return TopologyEdge(
        tenant=tenant, environment=ENVIRONMENT, service=service, depends_on=depends_on, kind="http",
        tier=Tier.IMPORTANT, removed=removed, occurred_at=NOW,
    )  # fmt: skip


def candidate(
    classification: Classification = Classification.UNKNOWN, *, service: str = "checkout", episode: int = 1,
    state: CandidateState = CandidateState.OPEN, confidence: float = 0.8, at: int = NOW,
) -> IncidentCandidate:  # fmt: skip
    """Detection's word on a service's incident."""
    return IncidentCandidate(
        candidate_id=f"{service}-{episode}-{classification}", incident_id=incident_of(service), tenant=TENANT,
        environment=ENVIRONMENT, service=service, tier=Tier.CRITICAL, episode=episode, state=state,
        severity=Severity.CRITICAL, classification=classification, confidence=confidence, confidence_low=0.5,
        confidence_high=0.9, quality=DataQuality(sources=["prometheus"], missing=[], stale_s=0.0, late_share=0.0),
        title=f"{service} suffers", occurred_at=at,
        evidence=[Evidence(topic="alerts.sampled", partition=0, offset=0, summary="an alert")],
    )  # fmt: skip
