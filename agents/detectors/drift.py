"""Whether the mean over the last hundredth of the series' life is off, by what such means have been.

Source: the EWMA chart (Roberts 1959, Technometrics 1(3)) with a memory that grows with the series: what counts as lasting
depends on how long it has been watched. Measured by its own mean deviation, so that autocorrelation is allowed for.
"""

from agents.detectors.scale import TINY

_OF_AGE = 0.01
_SLOWEST = 1e-4
_FLOOR = 1e-3
_WARM_UP = 50


class Drift:
    """The recent mean's deviation from the long one, in mean absolute deviations of such."""

    __slots__ = ("_level", "_points", "_recent", "_spread")

    def __init__(self) -> None:
        self._points = 0
        self._recent = self._level = self._spread = 0.0

    def step(self, value: float) -> float | None:
        """The deviation with this value; None for the first fifty."""
        points = self._points
        if not points:
            self._recent = value
        self._recent += (value - self._recent) / (1.0 + _OF_AGE * points)
        off = abs(self._recent - self._level)
        found = off / (self._spread + TINY + _FLOOR * abs(self._level)) if points > _WARM_UP else None
        self._points = points + 1
        share = 1.0 / (points + 1)
        share = share if share > _SLOWEST else _SLOWEST
        self._spread += share * (off - self._spread)
        self._level += share * (self._recent - self._level)
        return found
