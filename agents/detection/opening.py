"""When signals are an incident that a person should know of."""

from agents.detection.groups import opens_by_news
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
    return opens_by_errors(view, alert, rules) or opens_by_alerts(view, rules) or opens_by_news(view, rules)


def opens_by_errors(view: IncidentView, alert: Alert, rules: CandidateRules) -> str | None:
    """Why errors that go on for half a minute open an incident, few as they are a window; None where that many are usual."""
    if alert.severity.rank < Severity.ERROR.rank or not view.conditions.firing:
        return None
    repeated = view.conditions.repeated(alert.occurred_at, Severity.ERROR)
    usual = view.rates.a_minute
    if repeated < rules.error_rate_alerts or repeated < rules.error_times * usual:
        return None
    return f"{repeated} errors in a minute, usually {usual:.1f} alerts"


def opens_by_alerts(view: IncidentView, rules: CandidateRules) -> str | None:
    """Why the storm or rate of alerts, taken together, opens an incident: only while one of its conditions fires."""
    if not view.conditions.firing:
        return None
    over = view.echoes_until(rules)
    # A storm that was on in the last episode, or that its remedy's echoes made, is no news.
    if view.storm and view.storm.open and view.storm.occurred_at > over:
        return f"a storm of {view.storm.rate_per_s:.0f} alerts/s"
    rates = view.rates
    # A window that began before that counts the last episode's alerts.
    if rates.window_start <= over or rates.score < rules.anomaly_threshold:
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
    alerts_too = view.conditions.firing and anomaly.score >= rules.sure_score
    return anomaly.summary if alerts_too or _lasts(view, anomaly.occurred_at, rules) else None


def opens_belatedly(view: IncidentView, rules: CandidateRules) -> str | None:
    """Why what is left of `view` once an episode's end is learnt opens the next; None where it does not.

    Under load an end may be read after signals that came later than it: they were taken for the old episode's.
    """
    over = view.echoes_until(rules)
    critical = [c for c in view.conditions.known.values() if c.firing and c.severity is Severity.CRITICAL]
    if any(c.since > over or c.repeats >= rules.critical_repeats for c in critical):
        return "critical alerts fired after the last episode's end"
    newest = max((alarm.at for alarm in view.alarms), default=None)
    if newest is not None and _lasts(view, newest, rules):
        return "metrics are unusual after the last episode's end"
    if view.conditions.firing and any(alarm.score >= rules.sure_score for alarm in view.alarms):
        return "alerts fired while a metric is far off, after the last episode's end"
    return opens_by_alerts(view, rules) or opens_by_news(view, rules)


def _lasts(view: IncidentView, until: Millis, rules: CandidateRules) -> bool:
    times = [alarm.at for alarm in view.alarms if alarm.at >= until - rules.metric_repeat_s * 1000]
    return len(times) >= rules.metric_repeats and max(times) - min(times) >= rules.metric_lasts_s * 1000


def _near(one: Millis, other: Millis) -> bool:
    return abs(one - other) <= _TOGETHER_MS
