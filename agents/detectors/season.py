"""How far a value is from what is usual at its time of day: a daily profile, as in additive seasonal smoothing.

Source: Winters 1960, "Forecasting sales by exponentially weighted moving averages", Management Science 6: a level for each
season, here each half hour of the day, UTC, without trend; what lasts is learned within a month of days.
"""

from array import array

from agents.detectors.scale import FULL, TINY

_PLACES = 48
_DAY_S = 86400.0
_SLOWEST = 0.03
_SPREAD_SLOWEST = 1.0 - 0.5 ** (1 / 300)
_FLOOR = 1e-3


class Season:
    """Deviation from the time of day's level, in mean absolute deviations of such; `off` is the last one in the series' unit."""

    __slots__ = ("_deviations", "_levels", "_seen", "_spread", "off")

    def __init__(self) -> None:
        self._levels = array("f", bytes(4 * _PLACES))
        self._seen = array("H", bytes(2 * _PLACES))
        self._deviations = 0
        self._spread = 0.0
        self.off = 0.0

    def step(self, value: float, at_s: float, level: float) -> float | None:
        """The deviation of a value at a time (epoch seconds) whose series lies about `level`; None on the first day."""
        place = int((at_s % _DAY_S) / _DAY_S * _PLACES)
        seen = self._seen[place]
        if seen < FULL:
            self._seen[place] = seen + 1
        if not seen:
            self._levels[place] = value
            self.off = value - level
            return None
        off = self.off = value - self._levels[place]
        found = abs(off) / (self._spread + TINY + _FLOOR * abs(level)) if self._deviations else None
        self._deviations += 1
        self._spread += max(_SPREAD_SLOWEST, 1.0 / self._deviations) * (abs(off) - self._spread)
        self._levels[place] += max(_SLOWEST, 1.0 / (seen + 1)) * off
        return found
