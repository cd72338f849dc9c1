"""Timing a thing in laps, so that two things can take turns and meet the same weather."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stopwatch:
    """Laps of one thing: wall time of each, and processor time of this process in all of them (all its threads)."""

    laps_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    @contextmanager
    def lap(self) -> Iterator[None]:
        """Time the block."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.laps_s.append(time.perf_counter() - wall)
        self.cpu_s += time.process_time() - cpu

    def timings(self, events: int) -> "Timings":
        """What the laps come to, with so many events in all of them."""
        return Timings(events / sum(self.laps_s), events / self.cpu_s, percentile(self.laps_s, 0.99) * 1000)


def set_aside() -> None:
    """Take what is in memory now out of the garbage collector's sight.

    It looks at everything now and then, 30 ms and more, and would do so in the lap of whoever happens to make the next object.
    """
    gc.collect()
    gc.freeze()


@dataclass(frozen=True, slots=True)
class Timings:
    """Events a second, events a processor second of the client, and the 99th percentile of a lap."""

    events_per_s: float
    events_per_cpu_s: float
    p99_ms: float


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the least value that `share` of all do not exceed.

    >>> percentile([3.0, 1.0, 2.0, 4.0], 0.5)
    2.0
    """
    rank = max(1, -(-int(share * 1000) * len(values) // 1000))
    return sorted(values)[rank - 1]
