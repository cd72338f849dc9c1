"""What the fleet sees of the target: real requests a few times a second, and what came of them."""

import json
import statistics
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from ops.demo.errors import TargetUnreachableError
from ops.demo.target.limits import MB
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms

_TIMEOUT_S = 1.0
_CALLER_PAUSE_S = 0.2
_WATCH_PAUSE_S = 0.4
_TRAIL = 120
_BASELINE_CALLS = 40
# A request counts as slow at six times its usual duration, and from 30 ms on.
_SLOW_FACTOR = 6.0
_SLOW_LEAST_S = 0.03
# So many slow or failed calls of the last five are no accident.
_BAD_CALLS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """How the target looked last. Times are epoch ms; `trail_mb` is its memory, a value a look, the newest last.

    `suffering`: it fails, is slow, or is under pressure by its own metrics. `pids` are the processes seen, in order.
    """

    at: Millis = 0
    reachable: bool = False
    healthy: bool = False
    why: str = ""
    suffering: bool = False
    memory_mb: float = 0.0
    limit_mb: float = 0.0
    peak_mb: float = 0.0
    latency_ms: float | None = None
    error_rate: float = 0.0
    request_rate: float = 0.0
    pressure: float = 0.0
    fault: str = "none"
    pids: tuple[int, ...] = ()
    trail_mb: tuple[float, ...] = ()
    calls: int = 0
    failed_calls: int = 0


class Prober:
    """Calls /work as dependents do, and looks at /health and /stats as monitoring does; two threads.

    Args:
        url: the target's.
        pressure: a metric of `/stats`, and the value from which the target suffers.
    """

    def __init__(self, url: str, pressure: tuple[str, float]) -> None:
        self._url = url
        self._pressure = pressure
        self._calls: deque[tuple[bool, float]] = deque(maxlen=5)
        self._usual: list[float] = []
        self._called = self._failed = 0
        self._trail: deque[float] = deque(maxlen=_TRAIL)
        self._seen = Sighting()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(self._call, _CALLER_PAUSE_S), name="caller", daemon=True),
            threading.Thread(target=self._repeat, args=(self._watch, _WATCH_PAUSE_S), name="watcher", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    @property
    def seen(self) -> Sighting:
        """The last look."""
        return self._seen

    def inject(self, fault: dict[str, Any]) -> None:
        """Ask the target to take on a fault.

        Raises:
            TargetUnreachableError: it did not.
        """
        request = urllib.request.Request(self._url + "/fault", json.dumps(fault).encode())  # noqa: S310 - our target
        try:
            with urllib.request.urlopen(request, timeout=5.0) as answer:  # noqa: S310
                answer.read()
        except OSError as error:
            raise TargetUnreachableError(
                f"The target at {self._url} did not take the fault {fault}: {error}. See its log under the home's units."
            ) from error

    def _repeat(self, once: Any, pause_s: float) -> None:
        while not self._stopping.is_set():
            once()
            self._stopping.wait(pause_s)

    def _call(self) -> None:
        began = time.monotonic()
        served = _ask(self._url + "/work") is not None
        took_s = time.monotonic() - began
        if served and len(self._usual) < _BASELINE_CALLS:
            self._usual.append(took_s)
        self._called += 1
        self._failed += not served
        self._calls.append((served, took_s))

    def _watch(self) -> None:
        stats = _ask(self._url + "/stats")
        now = wall_clock_ms()
        if stats is None:
            self._seen = replace(
                self._seen, at=now, reachable=False, healthy=False, suffering=True, why="does not answer",
                calls=self._called, failed_calls=self._failed,
            )  # fmt: skip
            return
        memory_mb, pressure = stats["memory_bytes"] / MB, stats.get(self._pressure[0], 0.0)
        self._trail.append(memory_mb)
        pid, pids = stats["pid"], self._seen.pids
        if pid not in pids:
            pids = (*pids, pid)
            self._calls.clear()  # they were another process's
        self._seen = Sighting(
            at=now,
            reachable=True,
            healthy=not stats["why"],
            why="; ".join(stats["why"]),
            suffering=bool(stats["why"]) or self._bad_calls() or pressure >= self._pressure[1],
            memory_mb=memory_mb,
            limit_mb=stats["memory_limit_bytes"] / MB,
            peak_mb=max(self._seen.peak_mb, memory_mb),
            latency_ms=stats.get("latency_ms"),
            error_rate=stats["error_rate"],
            request_rate=stats["request_rate"],
            pressure=pressure,
            fault=stats["fault"]["kind"],
            pids=pids,
            trail_mb=tuple(self._trail),
            calls=self._called,
            failed_calls=self._failed,
        )

    def _bad_calls(self) -> bool:
        slow_s = max(_SLOW_LEAST_S, _SLOW_FACTOR * statistics.median(self._usual)) if self._usual else _TIMEOUT_S
        return sum(not served or took_s > slow_s for served, took_s in list(self._calls)) >= _BAD_CALLS


def answers(url: str) -> bool:
    """Whether a GET of `url` gives a 200."""
    return _ask(url) is not None


def _ask(url: str) -> dict[str, Any] | None:
    """The document of a 200, None for anything else."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the target that we started
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except (OSError, ValueError):
        return None
