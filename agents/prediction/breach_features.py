"""What the last hours of a series say about a breach of its level: maxima, means, wanderings, and how often it was there before.

All are shares of the level, so what one series teaches holds for another with another level.
"""

from collections import deque
from itertools import pairwise
from math import log, sqrt

FEATURES = 28
SHARE, HOUR, NEAR = 0, 5, 16  # places of the value, of the hour's most, and of how often it is near, logarithmic
_WINDOW = 36
_NEAR = 0.75  # of the level
_HINGES = (0.5, 0.75, 0.875)


class BreachFeatures:
    """The recent past of one series, in points. About 1.5 kB."""

    __slots__ = ("_breaches", "_near", "_points", "_squares", "_sum", "_top", "_window")

    def __init__(self) -> None:
        self._window: deque[float] = deque(maxlen=_WINDOW)
        self._points = self._breaches = self._near = 0
        self._sum = self._squares = self._top = 0.0

    def step(self, share: float) -> list[float]:
        """Take in a value as a share of its level; the features of the series up to and including it."""
        self._points += 1
        self._sum += share
        self._squares += share * share
        self._top = max(self._top, share)
        self._breaches += share >= 1.0
        self._near += share >= _NEAR
        self._window.append(share)
        recent = list(self._window)
        hour, half, quarter = max(recent[-12:]), max(recent[-6:]), max(recent[-3:])
        mean = self._sum / self._points
        found = [
            share, recent[-2] if len(recent) > 1 else share, recent[-3] if len(recent) > 2 else recent[0],
            quarter, half, hour, max(recent), self._top,
            sum(recent[-6:]) / len(recent[-6:]), sum(recent[-24:]) / len(recent[-24:]), mean,
            sqrt(max(0.0, self._squares / self._points - mean * mean)),
            log(1.0 + _times_over(recent[-12:])), log(1.0 + _times_over(recent)), log(1.0 + self._breaches),
            log((self._breaches + 0.1) / (self._points + 10)), log((self._near + 0.1) / (self._points + 10)),
            _wandering(recent[-13:]),
        ]  # fmt: skip
        for most in (share, quarter, hour):
            found += [4.0 * max(0.0, most - hinge) for hinge in _HINGES]
        found.append(1.0 if share >= 1.0 else 0.0)
        return found

    def figures(self) -> list[float]:
        """All that is remembered, as numbers."""
        counts = [float(self._points), float(self._breaches), float(self._near)]
        return [*counts, self._sum, self._squares, self._top, *self._window]

    def restore(self, figures: list[float]) -> None:
        """Put back what `figures` gave."""
        self._points, self._breaches, self._near = (int(count) for count in figures[:3])
        self._sum, self._squares, self._top = figures[3:6]
        self._window = deque(figures[6:], maxlen=_WINDOW)


def _times_over(values: list[float]) -> int:
    return sum(value >= 1.0 for value in values)


def _wandering(values: list[float]) -> float:
    steps = [abs(b - a) for a, b in pairwise(values)]
    return 4.0 * sum(steps) / len(steps) if steps else 0.0
