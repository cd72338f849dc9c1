"""Whether a series has been off its usual hour of the week for a while: an exponentially weighted chart of the residuals.

Source: Roberts 1959, "Control chart tests based on geometric moving averages", Technometrics 1(3), on the deviations from a
weekly profile (168 hours, UTC), which knows weekends.
"""

from array import array

from agents.detectors.scale import FULL, TINY

_HOURS = 168
_LEVEL_SLOWEST, _SPREAD_SLOWEST, _RECENT_SLOWEST = 0.03, 0.002, 0.06
_WARM_UP = 10


class Week:
    """The recent mean deviation from the week's profile, in mean absolute deviations of single points."""

    __slots__ = ("_deviations", "_levels", "_recent", "_seen", "_spread")

    def __init__(self) -> None:
        self._levels = array("f", bytes(4 * _HOURS))
        self._seen = array("H", bytes(2 * _HOURS))
        self._deviations = 0
        self._recent = self._spread = 0.0

    def step(self, value: float, at_s: float) -> float | None:
        """The chart's value; None in hours that are new, and for the first few."""
        hour = int(at_s / 3600.0 % _HOURS)
        seen = self._seen[hour] + 1
        if seen < FULL:
            self._seen[hour] = seen
        if seen == 1:
            self._levels[hour] = value
            return None
        levels, share = self._levels, 1.0 / seen
        off = value - levels[hour]
        levels[hour] += (share if share > _LEVEL_SLOWEST else _LEVEL_SLOWEST) * off
        deviations = self._deviations = self._deviations + 1
        share = 1.0 / deviations
        self._recent += (share if share > _RECENT_SLOWEST else _RECENT_SLOWEST) * (off - self._recent)
        self._spread += (share if share > _SPREAD_SLOWEST else _SPREAD_SLOWEST) * (abs(off) - self._spread)
        if deviations <= _WARM_UP:
            return None
        return abs(self._recent) / (self._spread + TINY)
