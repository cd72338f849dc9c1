"""Taking signals in: what an alert, an account, a storm or an anomaly changes in the view of its incident."""

from collections.abc import Mapping
from dataclasses import replace

from agents.detection.clues import clues_of_alert, clues_of_anomaly, with_clues
from agents.detection.incident_view import Account, Exhibit, IncidentView, MetricAlarm
from agents.series.metric_names import BETTER_LOW, family
from schemas.records.analysis import Anomaly
from schemas.records.intake import Alert
from schemas.records.sampling import AlertAccount, StormChanged
from schemas.records.vocabulary import AlertStatus, Millis
from streams.stage import Position

REPORTER, METRIC = "alerts:", "metric:"
# The label by which a sender tells how many users are affected.
AFFECTED_USERS = "affected_users"
_MOST_DIGITS = 10
_EXHIBITS_A_TOPIC = 4
_MOST_HEARD = 24
# Alarms of many series within a second are one: these span half a minute, however many series are off at once.
_ALARMS, _ONE_ALARM_MS = 32, 1000


def heard_alert(view: IncidentView, alert: Alert, position: Position, echo: bool) -> IncidentView:
    """The view after an alert; an `echo` of the last episode belongs to no trouble of now."""
    at = alert.occurred_at
    conditions = view.conditions.echoed(alert) if echo else view.conditions.heard(alert)
    clues, heard, exhibits, users = view.clues, view.heard, view.exhibits, view.affected_users
    if alert.status is AlertStatus.FIRING and not echo:
        users = max(users, _users(alert))
        summary = f"{alert.severity} {alert.name}: {alert.message}"[:160]
        clues = with_clues(clues, clues_of_alert(alert), at)
        heard = _heard(heard, REPORTER + (alert.source or "unnamed")[:64], at)
        exhibits = _exhibited(exhibits, Exhibit(alert.fingerprint, position.evidence(summary), at))
    return replace(
        view, tenant=alert.tenant, environment=alert.environment, service=alert.service, tier=alert.tier,
        affected_users=users, conditions=conditions, clues=clues, heard=heard, exhibits=exhibits, heard_at=max(view.heard_at, at),
        arrived_at=position.arrived_at, stale_s=_age_s(at, position), skew_s=_ahead_s(at, position))  # fmt: skip


def heard_anomaly(view: IncidentView, anomaly: Anomaly, position: Position, echo: bool) -> IncidentView:
    """The view after a metric anomaly. One for the better, such as a restart brings, is no alarm; nor is an `echo`."""
    at = anomaly.occurred_at
    if anomaly.value < anomaly.expected and family(anomaly.metric) in BETTER_LOW:
        return replace(view, heard_at=max(view.heard_at, at), arrived_at=position.arrived_at)
    alarms, clues, heard, exhibits = view.alarms, view.clues, view.heard, view.exhibits
    if not echo:
        alarms = _alarmed(alarms, MetricAlarm(at, anomaly.score))
        clues = with_clues(clues, clues_of_anomaly(anomaly), at)
        heard = _heard(heard, METRIC + family(anomaly.metric), at)
        exhibits = _exhibited(exhibits, Exhibit(anomaly.series, position.evidence(anomaly.summary[:160]), at))
    return replace(
        view, tenant=anomaly.tenant, environment=anomaly.environment, service=anomaly.service, alarms=alarms,
        clues=clues, heard=heard, exhibits=exhibits, heard_at=max(view.heard_at, at), arrived_at=position.arrived_at,
        alarmed_arrival=position.arrived_at, stale_s=_age_s(at, position), skew_s=_ahead_s(at, position))  # fmt: skip


def heard_account(view: IncidentView, account: AlertAccount, position: Position) -> IncidentView:
    """The view after a word of the account. Of two totals the one that counts further holds."""
    totals = view.account
    if totals is None or account.upto > totals.upto:
        totals = Account(
            account.total_received, account.total_kept, account.total_suppressed, account.total_late,
            account.total_dead_lettered, account.upto, position.partition, position.offset)  # fmt: skip
    return replace(
        view, tenant=account.tenant, service=view.service or account.service, tier=account.tier, account=totals,
        rates=view.rates.heard(account), arrived_at=position.arrived_at,
        late_share=totals.late / totals.received if totals.received else 0.0)  # fmt: skip


def heard_storm(view: IncidentView, storm: StormChanged, position: Position) -> IncidentView:
    """The view after a storm opened or closed; it is kept until it is told of."""
    loudest = ", ".join(f"{f.name} ({f.count})" for f in storm.loudest[:3])
    said = "storm opened" if storm.open else "storm closed"
    summary = f"{said}: {storm.rate_per_s:.0f} alerts/s, usually {storm.baseline_per_s:.1f}; loudest {loudest}"[:160]
    return replace(
        view, tenant=storm.tenant, service=view.service or storm.service, storm=storm, arrived_at=position.arrived_at,
        exhibits=_exhibited(view.exhibits, Exhibit("storm", position.evidence(summary), storm.occurred_at)))  # fmt: skip


def _users(alert: Alert) -> int:
    """How many users the alert says are affected; 0 where its label is missing or no number."""
    told = alert.labels.get(AFFECTED_USERS, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= _MOST_DIGITS else 0


def _ahead_s(at: Millis, position: Position) -> float:
    """How far the signal's clock is ahead of the broker's."""
    return max(0, at - position.arrived_at) / 1000


def _alarmed(alarms: tuple[MetricAlarm, ...], one: MetricAlarm) -> tuple[MetricAlarm, ...]:
    if alarms and abs(one.at - alarms[-1].at) < _ONE_ALARM_MS:
        return (*alarms[:-1], MetricAlarm(alarms[-1].at, max(one.score, alarms[-1].score)))
    return (*alarms, one)[-_ALARMS:]


def _age_s(at: Millis, position: Position) -> float:
    return max(0, position.arrived_at - at) / 1000


def _heard(heard: Mapping[str, Millis], who: str, at: Millis) -> Mapping[str, Millis]:
    now = {**heard, who: max(at, heard.get(who, at))}
    if len(now) > _MOST_HEARD:
        del now[min(now, key=now.__getitem__)]
    return now


def _exhibited(exhibits: tuple[Exhibit, ...], one: Exhibit) -> tuple[Exhibit, ...]:
    others = [e for e in exhibits if e.subject != one.subject]
    of_topic = [e for e in others if e.evidence.topic == one.evidence.topic]
    if len(of_topic) >= _EXHIBITS_A_TOPIC:
        others.remove(of_topic[0])
    return (*others, one)
