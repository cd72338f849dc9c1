"""Whether the value itself, or one near it, was ever seen: between what is usual as well as beyond.

Source: distance to the nearest neighbour as outlier score (Ramaswamy, Rastogi and Shim 2000, SIGMOD), on a bounded sample of
the past that adaptive resonance keeps (`prototypes`).
"""

from agents.detectors.prototypes import PrototypesOnLine

_CAPACITY, _VIGILANCE = 128, 0.05
_WARM_UP = 6


class Value:
    """Novelty of single values."""

    __slots__ = ("_points", "_seen")

    def __init__(self) -> None:
        self._seen = PrototypesOnLine(_CAPACITY, _VIGILANCE)
        self._points = 0

    def step(self, value: float, unit: float) -> float | None:
        """The distance to what was seen, in units; None for the first few."""
        self._points += 1
        found = self._seen.distance(value, unit)
        return found if self._points > _WARM_UP else None
