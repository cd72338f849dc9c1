"""The scenario database-cascade, played to the agents' decisions without Kafka; its telemetry is as late as asked."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.detection.metrics_stage import MetricsStage
from agents.prediction.forecasts_stage import ForecastsStage
from ops.demo.alert_sources import AlertMaker, Place
from ops.demo.scenarios import scenario_of
from ops.demo.target.vitals import Vitals, measures
from ops.demo.target.words import lines
from schemas.identity import series_id
from schemas.records.intake import LogLine, MetricPoint
from schemas.records.vocabulary import Action, Millis
from state.incident import EventType
from streams.topics import ANOMALIES, LOGS, METRICS, PREDICTIONS, SAMPLED, Topic
from tests.support.agents_run import AgentsRun
from tests.support.signals import NOW
from tests.support.stage_run import StageRun

_SERVICE, _POOL, _LASTS_S, _STORM_S = "orders-db", 20, 25, 8
_PLACE = Place("default", "demo")
_WHO: dict[str, Any] = {
    "incident_id": _PLACE.incident_id(_SERVICE), "tenant": _PLACE.tenant, "environment": _PLACE.environment,
    "service": _SERVICE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision: what, how sure, and whether no human was needed; `after_s` the onset in event time."""

    action: Action
    confidence: float
    autonomous: bool
    after_s: float


def decided(calm_s: int, late: Mapping[str, Millis], seed: int) -> Decided:
    """What is decided after `calm_s` seconds of calm and 25 s of the fault; telemetry arrives `late` (ms) by topic name."""
    sent = sorted(_sent(calm_s, seed), key=lambda each: each[0])
    arrivals = sorted((at + late.get(topic.name, 0), i, topic, record) for i, (at, topic, record) in enumerate(sent))
    run, metrics, forecasts = AgentsRun(_WHO["incident_id"]), StageRun(MetricsStage()), StageRun(ForecastsStage())
    for at, _, topic, record in arrivals:
        if run.now and at - run.now >= 1000:
            run.pass_time(at - 1)
        if topic is not METRICS:
            run.take(topic, record, at)
            continue
        for found in metrics.take(METRICS, record, at):
            run.take(ANOMALIES, found, at)
        for found in forecasts.take(METRICS, record, at):
            run.take(PREDICTIONS, found, at)
    run.pass_time(run.now + 60_000)
    last = [event for event in run.events if event.type == EventType.DECISION_MADE][-1]
    said = json.loads(last.payload)
    after_s = (last.occurred_at - NOW) / 1000 - calm_s
    return Decided(Action(said["action"]), said["confidence"], said["autonomous"], after_s)


def _sent(calm_s: int, seed: int) -> Iterator[tuple[Millis, Topic, Any]]:
    """What the service and its monitoring send, with the time."""
    dice = random.Random(seed)
    maker = AlertMaker(scenario_of("database-cascade"), _PLACE, seed)
    sources = [source for source in maker.sources if source.service == _SERVICE]
    for second in range(calm_s + _LASTS_S):
        vitals, at = _vitals(second - calm_s, dice), NOW + second * 1000
        when: dict[str, Any] = {"occurred_at": at, "received_at": at}
        for name, (value, unit) in measures(vitals).items():
            series = series_id(_PLACE.tenant, _PLACE.environment, _SERVICE, name, {})
            yield at, METRICS, MetricPoint(series=series, name=name, value=value, unit=unit, **when, **_WHO)
        for line in lines(_SERVICE, vitals, second):
            yield at, LOGS, LogLine(source="app", level=line.level, message=line.message, **when, **_WHO)
        if 3 <= second - calm_s < 3 + _STORM_S:
            for nth in range(30):
                fired_at = at + nth * 33
                yield fired_at, SAMPLED, maker.firing(dice.choice(sources), fired_at)


def _vitals(since_fault_s: int, dice: random.Random) -> Vitals:
    lost = min(_POOL, 4 * max(0, since_fault_s))
    used = min(_POOL, lost + dice.choice((0, 0, 1, 1, 2)))
    full = used == _POOL
    return Vitals(
        memory_bytes=int(3e7 + dice.gauss(0, 2e5)), memory_limit_bytes=10**8,
        latency_ms=420 + dice.gauss(0, 10) if full else 20 + dice.gauss(0, 3), request_rate=10 + dice.gauss(0, 1),
        error_rate=1.0 if full else 0.0, requests=10, refused=10 if full else 0, pool_in_use_ratio=used / _POOL,
        pool_size=_POOL, pool_lost=lost, queue_ratio=0.0, queue_waiting=0,
        cpu_ratio=0.05 + abs(dice.gauss(0, 0.02)), gc_ratio=0.0,
    )  # fmt: skip
