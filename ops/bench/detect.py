"""Detection's metric stage as its shell runs it: a state a series, one point after another, without Kafka."""

import gc
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.detection.metrics_stage import MetricsStage
from ops.bench.signals import metric_points
from ops.bench.stopwatch import percentile, set_aside

# A series' state grows until then; so many series are traced, as tracing makes all of it slow.
_LONG, _TRACED = 400, 8


@dataclass(frozen=True, slots=True)
class Detection:
    """Points a second of wall and of processor time, the 99th percentile of a point, and the bytes of a series' state."""

    points_per_s: float
    points_per_cpu_s: float
    p99_ms: float
    bytes_per_series: int


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
    return Detection(points / wall, points / used, percentile(laps, 0.99) * 1000, bytes_per_series((_LONG,))[_LONG])


def bytes_per_series(after: Sequence[int] = (20, 100, _LONG)) -> dict[int, int]:
    """The bytes that a series' state takes in memory, by the number of its points."""
    return {points: _state_bytes(points) for points in after}


def _state_bytes(points: int) -> int:
    stage, states = MetricsStage(), dict[str, Any]()
    records = metric_points(points * _TRACED, _TRACED)
    gc.collect()
    tracemalloc.start()
    try:
        for received in records:
            key = stage.key(received)
            if key is not None:
                states[key] = stage.decide(states.get(key) or stage.initial(key), received).state
        gc.collect()
        return tracemalloc.get_traced_memory()[0] // len(states)
    finally:
        tracemalloc.stop()
