"""How near a value is to the least and the greatest that were seen, or how far beyond them.

Source: record-breaking statistics (Chandler 1952, "The distribution and frequency of record values", JRSS B 14): the extremes
fade slowly towards the recent level, so that an old record does not hide a new one for ever.
"""

from agents.detectors.scale import TINY

_FADE = 1e-4
_LEVEL_SLOWEST = 1.0 - 0.5 ** (1 / 300)
_FLOOR = 1e-3


class Reach:
    """The place within the range seen: 0 in its middle, 1 at its ends, more beyond."""

    __slots__ = ("_high", "_level", "_low", "_points")

    def __init__(self) -> None:
        self._points = 0
        self._low = self._high = self._level = 0.0

    def step(self, value: float) -> float:
        """The place of a value; 0 for the first."""
        if not self._points:
            self._low = self._high = self._level = value
        low, high, level = self._low, self._high, self._level
        width = high - low + TINY + _FLOOR * abs(level)
        if value > high:
            found = (value - high) / width + 1.0
            high = value
        elif value < low:
            found = (low - value) / width + 1.0
            low = value
        else:
            found = abs(value - (high + low) / 2) / width * 2.0
        self._points += 1
        share = 1.0 / self._points
        level += (share if share > _LEVEL_SLOWEST else _LEVEL_SLOWEST) * (value - level)
        self._low = low + _FADE * (level - low)
        self._high = high - _FADE * (high - level)
        self._level = level
        return found
