"""Metric points and signals as they reach the analysis stages: what the pure decisions are measured with."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agents.detection.candidates_stage import CandidatesStage
from schemas.identity import alert_fingerprint, derived_id, incident_id, series_id
from schemas.records.analysis import Anomaly, AnomalyKind
from schemas.records.intake import Alert, MetricPoint
from schemas.records.log import IncidentCommand
from schemas.records.sampling import AlertAccount
from schemas.records.vocabulary import AlertStatus, Evidence, Millis, Severity, Tier
from state.ledger import PartitionLedger
from streams.stage import Position, Received
from streams.topics import ACCOUNT, ANOMALIES, COMMANDS, EVENTS, METRICS, SAMPLED

FIRST_MS = 1_760_000_000_000
_METRICS = ("memory_limit_ratio", "cpu_ratio", "latency_ms", "error_rate")
_SEED = 11
_STEP_MS = 20


@dataclass(frozen=True, slots=True)
class _Who:
    """A service, and its incident."""

    number: int
    incident: str
    service: str

    @classmethod
    def of(cls, number: int) -> "_Who":
        service = f"service-{number:03d}"
        return cls(number, incident_id("default", "production", service), service)


def metric_points(count: int, series: int) -> list[Received[MetricPoint]]:
    """Points of several series in turns, one a second each: a daily wave with noise, and a spike now and then; 0 to 1."""
    source = random.Random(_SEED)  # noqa: S311 - it shall be foreseeable
    made = []
    for at in range(count):
        turn, which = divmod(at, series)
        who, name = _Who.of(which // len(_METRICS)), _METRICS[which % len(_METRICS)]
        value = (
            0.4 + 0.2 * math.sin(turn / 200 + which) + source.gauss(0, 0.03) + (0.3 if source.random() < 0.002 else 0)
        )
        now = FIRST_MS + turn * 1000
        point = MetricPoint(
            series=series_id("default", "production", who.service, name, {}), incident_id=who.incident, tenant="default",
            environment="production", service=who.service, name=name, value=min(max(value, 0.0), 1.0), unit="1",
            occurred_at=now, received_at=now,
        )  # fmt: skip
        made.append(Received(point, Position(METRICS.name, 0, at, now)))
    return made


def incident_signals(count: int, incidents: int) -> list[Received[Any]]:
    """Records in the order in which `candidates` gets them: sampled alerts, accounts, anomalies, and the events that its own
    commands become. Of each incident about one alert a second, an account for each ten, some anomalies."""
    stage, ledger, states = CandidatesStage(), PartitionLedger(), dict[str, Any]()
    offsets = dict.fromkeys((SAMPLED.name, ACCOUNT.name, ANOMALIES.name, EVENTS.name, COMMANDS.name), -1)
    made: list[Received[Any]] = []

    def place(topic: str, record: Any, now: Millis) -> None:
        offsets[topic] += 1
        received = Received(record, Position(topic, 0, offsets[topic], now))
        made.append(received)
        key = record.incident_id
        step = stage.decide(states.get(key) or stage.initial(key), received)
        states[key] = step.state
        for output in step.outputs:
            if isinstance(output.record, IncidentCommand):
                committed(output.record, now)

    def committed(command: IncidentCommand, now: Millis) -> None:
        offsets[COMMANDS.name] += 1
        decided = ledger.decide([(command, offsets[COMMANDS.name])], now)
        ledger.advance(ledger.place(decided, [offsets[EVENTS.name] + 1] * len(decided.events)))
        for event in decided.events:
            place(EVENTS.name, event, now)

    for topic, record, now in _signals(incidents):
        place(topic, record, now)
        if len(made) >= count:
            return made[:count]
    return made


def _signals(incidents: int) -> Iterator[tuple[str, Any, Millis]]:
    source = random.Random(_SEED)  # noqa: S311 - it shall be foreseeable
    received = [0] * incidents
    now = FIRST_MS
    while True:
        now += _STEP_MS
        who = _Who.of(source.randrange(incidents))
        received[who.number] += 1
        yield SAMPLED.name, _alert(who, now, source), now
        if received[who.number] % 10 == 0:
            yield ACCOUNT.name, _account(who, now, received[who.number]), now
        if source.random() < 0.05:
            yield ANOMALIES.name, _anomaly(who, now, source), now


def _alert(who: _Who, now: Millis, source: random.Random) -> Alert:
    condition = source.randrange(20)
    name, host = f"HighErrorRate{condition:02d}", f"{who.service}-{condition % 8}"
    where = ("default", "production", who.service)
    return Alert(
        alert_id=f"alert-{now}", incident_id=who.incident, tenant=where[0], environment=where[1], service=where[2],
        name=name, severity=source.choice(list(Severity)), status=source.choice(list(AlertStatus)),
        tier=list(Tier)[who.number % 3], fingerprint=alert_fingerprint(*where, name, host), source=host, occurred_at=now,
        received_at=now, message=f"{name} on {host}",
    )  # fmt: skip


def _account(who: _Who, now: Millis, received: int) -> AlertAccount:
    start = now - now % 10_000
    return AlertAccount(
        incident_id=who.incident, tenant="default", service=who.service, tier=list(Tier)[who.number % 3],
        window_start=start, window_ms=10_000, received=10, kept=10, suppressed=0, late=0, dead_lettered=0, closed=False,
        total_received=received, total_kept=received, total_suppressed=0, total_late=0, total_dead_lettered=0,
        partition=0, first_offset=0, upto=received,
    )  # fmt: skip


def _anomaly(who: _Who, now: Millis, source: random.Random) -> Anomaly:
    metric = source.choice(_METRICS)
    summary = f"{metric} of {who.service} is far off"
    return Anomaly(
        anomaly_id=derived_id("bench", METRICS.name, who.number, now), incident_id=who.incident, tenant="default",
        environment="production", service=who.service, kind=AnomalyKind.METRIC,
        series=series_id("default", "production", who.service, metric, {}), metric=metric, score=0.995, value=0.8,
        expected=0.3, trend_per_min=0.4, summary=summary, occurred_at=now,
        evidence=[Evidence(topic=METRICS.name, partition=0, offset=now % 100_000, summary=summary)],
    )  # fmt: skip
