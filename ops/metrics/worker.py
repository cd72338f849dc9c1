"""The metrics of a worker: its stages' time against their budgets, its commits and rebalances, its watchdog."""

import time
from typing import Any

import structlog
from faust.sensors.base import Sensor
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ops.metrics.budgets import BUDGETS
from ops.metrics.signals import WorkSignals

log = structlog.get_logger()

# From a batch in memory to the longest budget, 300 s.
_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0, 300.0)
# A stage that is behind is over its budget with every batch.
_SAID_EVERY_S = 10.0


class WorkerMeter:
    """Implements streams.metering.Meter; its figures are in `registry`, and what is grave is told to `signals`, too."""

    def __init__(self, registry: CollectorRegistry, signals: WorkSignals | None = None) -> None:
        self._signals = signals
        self._records = Counter(
            "breakwater_stage_records", "Records that a stage is done with.", ("stage", "topic"), registry=registry
        )
        self._took = Histogram(
            "breakwater_stage_batch_seconds", "From a batch taken up to its acknowledgement.", ("stage",),
            registry=registry, buckets=_BUCKETS,
        )  # fmt: skip
        self._age = Histogram(
            "breakwater_stage_age_seconds", "Age of a batch's oldest record at its acknowledgement.", ("stage",),
            registry=registry, buckets=_BUCKETS,
        )  # fmt: skip
        self._over = Counter(
            "breakwater_stage_budget_violations", "Batches acknowledged later than the stage's budget allows.",
            ("stage", "limit"), registry=registry,
        )  # fmt: skip
        budget = Gauge("breakwater_stage_budget_seconds", "A stage's budget.", ("stage", "limit"), registry=registry)
        for stage, its in BUDGETS.items():
            budget.labels(stage, "target").set(its.target_s)
            budget.labels(stage, "most").set(its.most_s)
        self._looks = Counter("breakwater_watchdog_looks", "Looks of the watchdog.", registry=registry)
        self._still = Gauge(
            "breakwater_watchdog_still_seconds", "How long the partition that stands longest has stood.",
            registry=registry,
        )  # fmt: skip
        self._said_at: dict[str, float] = {}

    def worked(self, stage: str, topic: str, records: int, took_s: float, age_s: float) -> None:
        """A batch was acknowledged."""
        self._records.labels(stage, topic).inc(records)
        self._took.labels(stage).observe(took_s)
        self._age.labels(stage).observe(age_s)
        budget = BUDGETS.get(stage)
        if budget is None or age_s <= budget.target_s:
            return
        limit = "most" if age_s > budget.most_s else "target"
        self._over.labels(stage, limit).inc()
        if self._signals is not None:
            self._signals.over_budget(stage, topic, limit, age_s, budget)
        self._say(stage, topic, limit, age_s)

    def stood(self, still_s: float) -> None:
        """The watchdog looked."""
        self._looks.inc()
        self._still.set(still_s)
        if self._signals is not None:
            self._signals.look()

    def _say(self, stage: str, topic: str, limit: str, age_s: float) -> None:
        now_s = time.monotonic()
        if now_s - self._said_at.get(stage, -_SAID_EVERY_S) >= _SAID_EVERY_S:
            self._said_at[stage] = now_s
            log.warning("over budget", stage=stage, topic=topic, limit=limit, age_s=round(age_s, 1))


class CommitSensor(Sensor):  # type: ignore[misc]
    """Counts and times the app's commits, and counts its rebalances."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._commits = Histogram(
            "breakwater_commit_seconds", "How long a commit of offsets took.", registry=registry,
            buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
        )  # fmt: skip
        self._rebalances = Counter("breakwater_rebalances", "Rebalances of the worker's group.", registry=registry)

    def on_commit_initiated(self, consumer: Any) -> float:  # noqa: ARG002 - Faust's signature
        """A commit begins."""
        return time.monotonic()

    def on_commit_completed(self, consumer: Any, state: Any) -> None:  # noqa: ARG002 - Faust's signature
        """The broker has it."""
        self._commits.observe(time.monotonic() - float(state))

    def on_rebalance_start(self, app: Any) -> dict[str, Any]:  # noqa: ARG002 - Faust's signature
        """Partitions move."""
        self._rebalances.inc()
        return {}
