"""Giving work at a steady rate, whether or not what was given before is done: what waits is taken together next time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ops.bench.stopwatch import percentile

T = TypeVar("T")

_NAP_S = 0.001


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds from when a thing was due until it was done; how many a second were, and how many at once on average."""

    per_s: float
    p50_ms: float
    p99_ms: float
    most_ms: float
    at_once: float


def paced(items: Sequence[T], rate_per_s: int, most: int, take: Callable[[Sequence[T]], None]) -> Waits:
    """Hand `items` over at a rate: item n is due n / rate seconds after the start, and is done when `take` returns.

    Args:
        most: so many at once.
    """
    done, waits, calls = 0, list[float](), 0
    start = time.perf_counter()
    while done < len(items):
        due = min(int((time.perf_counter() - start) * rate_per_s) + 1, len(items), done + most)
        if due == done:
            time.sleep(_NAP_S)
            continue
        take(items[done:due])
        after, calls = time.perf_counter() - start, calls + 1
        waits += [(after - number / rate_per_s) * 1000 for number in range(done, due)]
        done = due
    passed_s = time.perf_counter() - start
    return Waits(done / passed_s, percentile(waits, 0.5), percentile(waits, 0.99), max(waits), done / calls)
