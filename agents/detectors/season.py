"""How far a value is from what is usual at its time of day: a daily profile, as in additive seasonal smoothing.

Source: Winters 1960, "Forecasting sales by exponentially weighted moving averages", Management Science 6: a level for each
season, here each half hour of the day, UTC, without trend; what lasts is learned within a month of days.
"""

from array import array

from agents.detectors.scale import FULL

_PLACES = 48
_DAY_S = 86400.0
_SLOWEST = 0.03


class Season:
    """Deviation from the time of day's level, in the series' unit."""

    __slots__ = ("_levels", "_seen")

    def __init__(self) -> None:
        self._levels = array("f", bytes(4 * _PLACES))
        self._seen = array("H", bytes(2 * _PLACES))

    def step(self, value: float, at_s: float, level: float) -> float:
        """The deviation of a value at a time (epoch seconds); on the first day that from `level`, about which its series lies."""
        place = int((at_s % _DAY_S) / _DAY_S * _PLACES)
        seen = self._seen[place]
        if seen < FULL:
            self._seen[place] = seen + 1
        if not seen:
            self._levels[place] = value
            return value - level
        off, share = value - self._levels[place], 1.0 / (seen + 1)
        self._levels[place] += (share if share > _SLOWEST else _SLOWEST) * off
        return off
