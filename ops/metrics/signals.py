"""What a worker says of itself, as events on `work.signals`: a stage over its budget, and that another worker is due.

Said seldom: a stage at most every ten seconds, scaling at most every minute. A broker that is away costs signals, never work.
"""

import time
from collections import Counter
from collections.abc import Callable

import structlog
from confluent_kafka import Producer

from ops.metrics.budgets import Budget
from schemas.codec import Codec
from schemas.identity import stable_id
from schemas.records.log import WorkSignal
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from streams.partitioning import PARTITIONER
from streams.topics import SIGNALS

log = structlog.get_logger()

OVER_BUDGET, SCALE_OUT = "over_budget", "scale_out"
# The share of a core from which another worker is due.
BUSY = 0.7
_SAID_EVERY_S = 10.0
_WINDOW_S = 60.0
_PARTING_S = 2.0

Publish = Callable[[WorkSignal], None]


class WorkSignals:
    """Decides when something is to be said.

    Args:
        worker: `analysis-1`. publish: sends a signal, at once or never. clock: epoch ms. passed_s, used_s: seconds of time, and
            of processor time of this process.
    """

    def __init__(
        self,
        worker: str,
        publish: Publish,
        clock: Callable[[], Millis] = wall_clock_ms,
        passed_s: Callable[[], float] = time.monotonic,
        used_s: Callable[[], float] = time.process_time,
    ) -> None:
        self._worker, self._publish, self._clock = worker, publish, clock
        self._passed_s, self._used_s = passed_s, used_s
        self._said_at: dict[str, float] = {}
        self._times: Counter[str] = Counter()
        self._began = passed_s(), used_s()

    def over_budget(self, stage: str, topic: str, limit: str, age_s: float, budget: Budget) -> None:
        """A batch was acknowledged later than its stage's budget allows."""
        self._times[stage] += 1
        now_s = self._passed_s()
        if now_s - self._said_at.get(stage, -_SAID_EVERY_S) < _SAID_EVERY_S:
            return
        self._said_at[stage] = now_s
        allowed = budget.most_s if limit == "most" else budget.target_s
        self._say(OVER_BUDGET, stage, topic, limit, age_s, allowed, self._times.pop(stage))

    def look(self) -> None:
        """Called every now and then: was the last minute busier than a core should be?"""
        (began_s, used_s), now_s, used_now_s = self._began, self._passed_s(), self._used_s()
        if now_s - began_s < _WINDOW_S:
            return
        self._began = now_s, used_now_s
        share = (used_now_s - used_s) / (now_s - began_s)
        if share > BUSY:
            log.warning("time for another worker", worker=self._worker, core=round(share, 2))
            self._say(SCALE_OUT, "", "", "", share, BUSY, 1)

    def _say(
        self, kind: str, stage: str, topic: str, limit: str, measured: float, allowed: float, times: int
    ) -> None:  # fmt: skip
        at = self._clock()
        self._publish(
            WorkSignal(
                signal_id=stable_id("signal", self._worker, kind, stage, at), kind=kind, worker=self._worker, stage=stage,
                topic=topic, limit=limit, measured=round(measured, 3), allowed=allowed, times=times, occurred_at=at,
            )
        )  # fmt: skip


class SignalPublisher:
    """Sends signals by a producer of its own; implements streams.running.Running."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap, self._codec = bootstrap, Codec(WorkSignal)
        self._producer: Producer | None = None

    def start(self) -> None:
        """The producer is made with the first signal: most workers have none to give."""

    def close(self) -> None:
        """Wait a moment for what is under way."""
        if self._producer is not None:
            self._producer.flush(_PARTING_S)

    def __call__(self, signal: WorkSignal) -> None:
        """Hand a signal over; where the queue is full or the broker away, it is lost and the log has it."""
        if self._producer is None:
            self._producer = Producer({
                "bootstrap.servers": self._bootstrap, "partitioner": PARTITIONER, "queue.buffering.max.messages": 1_000,
                "message.timeout.ms": 30_000, "log_level": 0,
            })  # fmt: skip
        self._producer.poll(0)
        try:
            self._producer.produce(SIGNALS.name, self._codec.encode(signal), signal.worker.encode())
        except BufferError:
            log.warning("a signal is lost: Kafka takes none", kind=signal.kind, stage=signal.stage)
