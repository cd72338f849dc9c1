"""Pure decisions, without Kafka, codec or table: detection's stages, beside river's half-space trees on the same points.

Half-space trees (Tan, Ting and Liu 2011) are what river offers for anomalies in one line. One forest a series, river's own
settings; a point is scored, then learned. The stages run as their shell runs them: a state a key, one record after another.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from river.anomaly import HalfSpaceTrees

from agents.detection.candidates_stage import CandidatesStage
from agents.detection.metrics_stage import MetricsStage
from bench.figures import Figure, Progress, interleaved, pairs
from ops.bench.signals import incident_signals, metric_points
from ops.bench.stopwatch import set_aside
from schemas.records.intake import MetricPoint
from streams.stage import Received, Stage

AGAINST = "river HalfSpaceTrees, points"


def measure_stages(points: int, series: int, signals: int, rounds: int, progress: Progress) -> list[Figure]:
    """Decisions a processor second: what others take of the machine is not in it."""
    progress(f"stages: {points:,} points of {series} series, {signals:,} signals of 50 incidents")
    measured = metric_points(points, series)
    heard = incident_signals(signals, incidents=50)

    set_aside()

    def product() -> tuple[float, float]:
        return stage_rate(MetricsStage(), measured), stage_rate(CandidatesStage(), heard)

    def baseline() -> tuple[float, float]:
        rate = trees_rate(measured)
        return rate, rate

    runs = interleaved(rounds, baseline, product)
    return [
        Figure("stages", "metrics", "points/CPU-s", AGAINST, pairs(runs, lambda r: r[0])),
        Figure("stages", "candidates", "records/CPU-s", AGAINST, pairs(runs, lambda r: r[1])),
    ]


def stage_rate(stage: Stage[Any], records: Sequence[Received[Any]]) -> float:
    """Records a processor second that a stage decides on, from nothing."""
    states: dict[str, Any] = {}

    def take(received: Received[Any]) -> None:
        key = stage.key(received)
        if key is not None:
            state = states.get(key)
            states[key] = stage.decide(stage.initial(key) if state is None else state, received).state

    return _per_cpu_s(take, records)


def trees_rate(points: Sequence[Received[MetricPoint]]) -> float:
    """Points a processor second that half-space trees score and learn. Making them, 5,000 nodes a series, is not counted."""
    forests: dict[str, Any] = {}
    for received in points:
        if received.record.series not in forests:
            forests[received.record.series] = forest = HalfSpaceTrees(seed=0)
            forest.learn_one({"value": received.record.value})  # type: ignore[no-untyped-call]

    def take(received: Received[MetricPoint]) -> None:
        forest, features = forests[received.record.series], {"value": received.record.value}
        forest.score_one(features)
        forest.learn_one(features)

    return _per_cpu_s(take, points)


def _per_cpu_s(take: Callable[[Any], None], records: Sequence[Any]) -> float:
    began = time.process_time()
    for record in records:
        take(record)
    return len(records) / (time.process_time() - began)
