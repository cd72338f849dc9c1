"""Signals as producers and the stages before detection send them, about checkout; every field can be said otherwise."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from schemas.identity import alert_fingerprint, series_id, stable_id
from schemas.records.analysis import Anomaly, AnomalyKind, Prediction
from schemas.records.grouping import GroupChange, GroupTold
from schemas.records.intake import Alert, MetricPoint
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import AlertStatus, Evidence, Severity, Tier

NOW = 1_760_000_000_000
INCIDENT = "inc-checkout"
_WHO: dict[str, Any] = {"tenant": "acme", "environment": "prod", "service": "checkout"}


def alert(name: str = "HighErrorRate", at: int = NOW, **changes: Any) -> Alert:
    """A firing alert; alerts of one name and source share a fingerprint."""
    source = changes.get("source", "checkout-01")
    record = Alert(
        alert_id=stable_id(name, at), incident_id=INCIDENT, **_WHO, name=name, severity=Severity.ERROR,
        status=AlertStatus.FIRING, tier=Tier.CRITICAL,
        fingerprint=alert_fingerprint("acme", "prod", "checkout", name, source), source=source, occurred_at=at,
        received_at=at, message=f"{name} of checkout",
    )  # fmt: skip
    return replace(record, **changes)


def resolved(name: str = "HighErrorRate", at: int = NOW, **changes: Any) -> Alert:
    """The same alert's all-clear."""
    return alert(name, at, status=AlertStatus.RESOLVED, **changes)


def point(value: float, at: int = NOW, name: str = "memory_limit_ratio", unit: str = "1") -> MetricPoint:
    """One point of a series of checkout."""
    return MetricPoint(
        series=series_id("acme", "prod", "checkout", name, {}), incident_id=INCIDENT, **_WHO, name=name, value=value,
        unit=unit, occurred_at=at, received_at=at,
    )  # fmt: skip


def points(
    values: Iterable[float], name: str = "memory_limit_ratio", *, since: int = NOW, step_ms: int = 1000
) -> list[MetricPoint]:
    """A series of values, one each `step_ms`."""
    return [point(value, since + i * step_ms, name) for i, value in enumerate(values)]


def anomaly(metric: str = "memory_limit_ratio", at: int = NOW, **changes: Any) -> Anomaly:
    """An unusual point: by default memory, rising."""
    record = Anomaly(
        anomaly_id=stable_id(metric, at), incident_id=INCIDENT, **_WHO, kind=AnomalyKind.METRIC,
        series=f"acme/prod/checkout/{metric}", metric=metric, score=0.995, value=0.8, expected=0.3, trend_per_min=0.4,
        summary=f"{metric} of checkout is far off", occurred_at=at,
        evidence=[Evidence(topic="metrics", partition=0, offset=1, summary="a point")],
    )  # fmt: skip
    return replace(record, **changes)


def account(received: int, window_start: int = NOW, *, total: int | None = None, **changes: Any) -> AlertAccount:
    """The account of one 10 s window, nothing suppressed."""
    total = received if total is None else total
    record = AlertAccount(
        incident_id=INCIDENT, tenant="acme", service="checkout", tier=Tier.CRITICAL, window_start=window_start,
        window_ms=10_000, received=received, kept=received, suppressed=0, late=0, dead_lettered=0, closed=False,
        total_received=total, total_kept=total, total_suppressed=0, total_late=0, total_dead_lettered=0, partition=0,
        first_offset=0, upto=total,
    )  # fmt: skip
    return replace(record, **changes)


def storm(*, open: bool = True, at: int = NOW, storm_id: str = "storm-1") -> StormChanged:  # noqa: A002 - the field's name
    """A storm of checkout opens or closes."""
    return StormChanged(
        storm_id=storm_id, incident_id=INCIDENT, tenant="acme", service="checkout", open=open, rate_per_s=400.0,
        baseline_per_s=0.1, loudest=[], occurred_at=at, partition=0, upto=0,
    )  # fmt: skip


def prediction(
    probability: float = 0.8, at: int = NOW, metric: str = "memory_limit_ratio", **changes: Any
) -> Prediction:
    """A breach that is foretold of checkout."""
    record = Prediction(
        prediction_id=stable_id(metric, at, probability), incident_id=INCIDENT, **_WHO,
        series=f"acme/prod/checkout/{metric}", metric=metric, probability=probability, level=0.9, value=0.7,
        trend_per_min=0.3, from_s=0, to_s=1800, breach_in_s=40.0, model="a line", occurred_at=at,
        evidence=[Evidence(topic="metrics", partition=0, offset=1, summary="memory will be full")],
    )  # fmt: skip
    return replace(record, **changes)


def group(change: GroupChange, at: int = NOW, **changes: Any) -> GroupTold:
    """A change of the group that checkout's incident came first in."""
    told = GroupTold(
        told_id=f"told-{change}-{at}", group_id="group-1", change=change, tenant="acme", environment="prod",
        incident_id=INCIDENT, member_id=INCIDENT, service="checkout", title="checkout: unusual alerts: b, a",
        severity=Severity.WARNING, names=["a", "b"], services=["checkout"], rarity=0.91, occurred_at=at, evidence=[],
    )  # fmt: skip
    return replace(told, **changes)
