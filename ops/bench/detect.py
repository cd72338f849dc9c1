"""Detection's metric stage as its shell runs it: a state a series, one point after another, without Kafka."""

import time
from dataclasses import dataclass
from typing import Any

from agents.detection.metrics_stage import MetricsStage
from ops.bench.signals import metric_points
from ops.bench.stopwatch import percentile, set_aside


@dataclass(frozen=True, slots=True)
class Detection:
    """Points a second of wall and of processor time, and the 99th percentile of a point."""

    points_per_s: float
    points_per_cpu_s: float
    p99_ms: float


def measure(points: int, series: int) -> Detection:
    """Score and learn points of several series, from nothing."""
    stage, states = MetricsStage(), dict[str, Any]()
    records = metric_points(points, series)
    laps: list[float] = []
    set_aside()
    began, cpu = time.perf_counter(), time.process_time()
    for received in records:
        at = time.perf_counter()
        key = stage.key(received)
        if key is not None:
            states[key] = stage.decide(states.get(key) or stage.initial(key), received).state
        laps.append(time.perf_counter() - at)
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    return Detection(points / wall, points / used, percentile(laps, 0.99) * 1000)
