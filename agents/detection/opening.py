"""When signals are an incident that a person should know of."""

from agents.detection.incident_view import CandidateRules, IncidentView
from schemas.records.analysis import Anomaly, AnomalyKind
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis, Severity

_TOGETHER_MS = 60_000


def opens_by_alert(view: IncidentView, alert: Alert, known_before: bool, rules: CandidateRules) -> str | None:
    """Why this alert, which `view` has heard, opens an incident; None where it does not."""
    if alert.status is not AlertStatus.FIRING:
        return None
    if alert.severity is Severity.CRITICAL:
        condition = view.conditions.known.get(alert.fingerprint)
        repeats = condition.repeats if condition else 0
        if repeats and (not known_before or repeats >= rules.critical_repeats):
            return f"{alert.name} fired" + (f" {repeats} times in a minute" if repeats > 1 else ", for the first time")
    sure = any(a.score >= rules.sure_score and _near(a.at, alert.occurred_at) for a in view.alarms)
    if sure:
        return f"{alert.name} fired while a metric is far off"
    return opens_by_alerts(view, rules)


def opens_by_alerts(view: IncidentView, rules: CandidateRules) -> str | None:
    """Why the storm or rate of alerts, taken together, opens an incident: only while one of its conditions fires."""
    if not view.conditions.firing:
        return None
    if view.storm and view.storm.open and view.storm.occurred_at > (view.ended_at or -1):
        return f"a storm of {view.storm.rate_per_s:.0f} alerts/s"
    rates = view.rates
    # A window that began before the last episode's end counts that episode's alerts.
    if rates.window_start <= (view.ended_at or -1) or rates.score < rules.anomaly_threshold:
        return None
    if rates.window_start + rates.window_ms + _TOGETHER_MS < view.heard_at:
        return None
    enough = rates.received >= rules.rate_alerts
    if not enough and rates.received >= rules.error_rate_alerts:
        worst = view.conditions.worst(since=rates.window_start)
        enough = worst.rank >= Severity.ERROR.rank
    return (
        f"{rates.received} alerts in {rates.window_ms // 1000} s, usually {rates.baseline.mean:.1f}" if enough else None
    )


def opens_by_anomaly(view: IncidentView, anomaly: Anomaly, rules: CandidateRules) -> str | None:
    """Why this metric anomaly, which `view` has heard, opens an incident; None where it does not."""
    if anomaly.kind is not AnomalyKind.METRIC:
        return None
    since = anomaly.occurred_at - rules.metric_repeat_s * 1000
    times = [alarm.at for alarm in view.alarms if alarm.at >= since]
    repeated = len(times) >= rules.metric_repeats and max(times) - min(times) >= rules.metric_lasts_s * 1000
    alerts_too = view.conditions.firing and anomaly.score >= rules.sure_score and times
    return anomaly.summary if repeated or alerts_too else None


def _near(one: Millis, other: Millis) -> bool:
    return abs(one - other) <= _TOGETHER_MS
