"""Pauses of a worker's event loop: how much later than asked a sleeping task wakes up."""

import asyncio
import time

from prometheus_client import CollectorRegistry, Gauge, Histogram

_BEAT_S = 0.02
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0)


class LoopPauses:
    """Implements streams.running.Running. While the loop is paused nothing is fetched, no heartbeat sent, no timer run."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._pauses = Histogram(
            "breakwater_loop_pause_seconds", "By how much the event loop woke up late.", registry=registry,
            buckets=_BUCKETS,
        )  # fmt: skip
        self._longest = Gauge(
            "breakwater_loop_longest_pause_seconds", "The longest pause of the event loop since the worker runs.",
            registry=registry,
        )  # fmt: skip
        self._most_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure, on the running loop."""
        self._task = asyncio.create_task(self._beat())

    def close(self) -> None:
        """Measure no more."""
        if self._task is not None:
            self._task.cancel()

    async def _beat(self) -> None:
        while True:
            asked_s = time.monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self._noted(max(time.monotonic() - asked_s, 0.0))

    def _noted(self, pause_s: float) -> None:
        self._pauses.observe(pause_s)
        if pause_s > self._most_s:
            self._most_s = pause_s
            self._longest.set(pause_s)
