"""Whether a series moves more, or less, from point to point than its spread lets expect: roughness and stillness.

Source: the ratio of the mean square successive difference to the variance (von Neumann 1941, Annals of Mathematical Statistics
12(4)), here of absolute values and fading. A burst of activity makes it rough; a value that froze makes it still.
"""

from agents.detectors.scale import TINY

_SPREAD_SLOWEST = 0.002
_RECENT = 0.08
_OF_AGE = 0.01


class Texture:
    """Two ratios: steps over the last hundredth of the series' life to its spread, and spread to the last dozen steps."""

    __slots__ = ("_last", "_level", "_points", "_recent", "_rough", "_spread")

    def __init__(self) -> None:
        self._points = 0
        self._last = self._level = self._spread = self._recent = self._rough = 0.0

    def step(self, value: float) -> tuple[float, float]:
        """Roughness and stillness."""
        points = self._points
        if not points:
            self._last = self._level = value
        step = abs(value - self._last)
        self._last = value
        self._recent += _RECENT * (step - self._recent)
        still = 1.0 / (self._recent / (self._spread + TINY) + 1e-3)
        self._rough += (step - self._rough) / (1.0 + _OF_AGE * points)
        rough = self._rough / (self._spread * 0.2 + TINY)
        self._points = points + 1
        share = 1.0 / (points + 1)
        share = share if share > _SPREAD_SLOWEST else _SPREAD_SLOWEST
        off = value - self._level
        self._spread += share * (abs(off) - self._spread)
        self._level += share * off
        return rough, still
