"""The target itself: does its work, suffers its fault, and knows how it is."""

import gc
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from ops.demo.errors import OverloadedError
from ops.demo.target.fault import Fault, FaultKind
from ops.demo.target.gates import Gate
from ops.demo.target.limits import MB, Limits
from ops.demo.target.memory import CollectorClock, SessionMemory
from ops.demo.target.meter import Meter
from ops.demo.target.vitals import OUT_OF_MEMORY_RATIO, Vitals

# A runtime that comes near its limit collects garbage before it takes more memory, then waits for some to be freed.
_COLLECT_FROM_RATIO = 0.6
_STALL_FROM_RATIO = 0.85
_STALL_S = 0.25
# What a request leaves behind while the target leaks.
_LEAK_A_REQUEST_BYTES = 128 << 10
_DOCUMENT = b"order" * 12_800


class Service:
    """One replica or several in one process; `tick` must be called a few times a second.

    Args:
        name: the service, for people.
        limits: its means, a replica.
        replicas: how many times it has them.
    """

    def __init__(self, name: str, limits: Limits, replicas: int = 1) -> None:
        self.name = name
        self.fault = Fault()
        self.memory = SessionMemory(limits)
        self.slots = Gate("slots", limits.slots * replicas, limits.queue * replicas, limits.queue_wait_s)
        self.pool = Gate("database connections", limits.connections * replicas, None, limits.connection_wait_s)
        self.meter = Meter()
        self.collector = CollectorClock()
        self._limits = limits
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._changed = threading.Lock()
        self._owed_connections = 0.0
        self._last_pulse = (time.monotonic(), 0.0)
        self._cpu_ratio = 0.0
        self._gc_ratio = 0.0

    def work(self) -> str:
        """Serve one request: look an order up in the pretend database and sign it; returns the signature.

        Raises:
            OverloadedError: it could not be served; the message says why.
        """
        began = time.monotonic()
        served = False
        try:
            with self.slots.pass_through(), self._room_in_memory(), self.pool.pass_through():
                time.sleep(self._limits.query_s)
                signature = hashlib.sha256(_DOCUMENT).hexdigest()
                served = True
                return signature
        finally:
            now = time.monotonic()
            self.meter.record(now, now - began, served=served)

    def inject(self, fault: Fault) -> None:
        """Take on a fault, or a new severity of it. What an earlier one has eaten up stays eaten up."""
        with self._changed:
            self.fault = fault

    def tick(self, elapsed_s: float) -> None:
        """Let the fault do its work of so many seconds."""
        fault = self.fault
        if fault.kind == FaultKind.LEAK:
            self.memory.leak(fault.severity * MB * elapsed_s)
        elif fault.kind == FaultKind.POOL:
            self._owed_connections += fault.severity * elapsed_s
            self._owed_connections -= self.pool.lose(int(self._owed_connections))
            # What cannot be taken now is not owed for ever.
            self._owed_connections = min(self._owed_connections, 1.0)

    def take_pulse(self) -> Vitals:
        """How it is now, its shares of time measured since the last pulse; to be called once a second."""
        now, spent_s = time.monotonic(), self.collector.spent_s()
        before, spent_before_s = self._last_pulse
        self._last_pulse = (now, spent_s)
        self._gc_ratio = min(1.0, (spent_s - spent_before_s) / max(now - before, 0.001))
        self._cpu_ratio = self._process.cpu_percent() / 100
        return self.vitals()

    def vitals(self) -> Vitals:
        """How it is now, its shares of time as of the last pulse."""
        traffic = self.meter.read(time.monotonic())
        return Vitals(
            memory_bytes=self.memory.rss_bytes(),
            memory_limit_bytes=self.memory.limit_bytes,
            latency_ms=traffic.latency_ms,
            request_rate=traffic.rate_per_s,
            error_rate=traffic.error_rate,
            requests=traffic.requests,
            refused=traffic.refused,
            pool_in_use_ratio=self.pool.in_use(),
            pool_size=self.pool.size,
            pool_lost=self.pool.lost,
            queue_ratio=self.slots.backlog(),
            queue_waiting=self.slots.waiting,
            cpu_ratio=self._cpu_ratio,
            gc_ratio=self._gc_ratio,
        )

    @contextmanager
    def _room_in_memory(self) -> Iterator[None]:
        if self.fault.kind == FaultKind.LEAK:
            self.memory.leak(_LEAK_A_REQUEST_BYTES)
        if self.memory.ratio() >= _COLLECT_FROM_RATIO:
            gc.collect()
        if self.memory.ratio() >= _STALL_FROM_RATIO:
            time.sleep(_STALL_S)
        if self.memory.ratio() >= OUT_OF_MEMORY_RATIO:
            raise OverloadedError(f"out of memory: heap at {min(1.0, self.memory.ratio()):.0%} of limit")
        yield
