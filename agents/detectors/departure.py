"""Whether two points in a row are far from the recent level, on one side of it: distance, where the other detectors go by rank.

Source: the EWMA forecast with its errors in mean absolute deviations (Trigg 1964, "Monitoring a forecasting system", Operational
Research Quarterly 15(3)); an error beyond three teaches as one of three (Huber 1964), so that an anomaly neither moves the level
nor widens what is usual; what lasts half a day is the level to come. A rank forgets how far it was: after five spikes a sixth is
no record, and yet as bad as they.

Only a series with a point an hour or so is judged by it: two of its points are two hours. In a
faster one two points off are noise.
"""

from agents.detectors.scale import TINY

_SLOW_S = 3000.0  # between points
_GAP_S = 7200.0  # a longer one is a hole, and no slower series
_OF_GAPS = 0.05
_LEVEL, _SPREAD_SLOWEST = 0.1, 0.02
_CLIP = 3.0
_LASTS = 12  # points
_FLOOR = 1e-3
_WARM_UP = 8


class Departure:
    """How far the last points are from the level before them. 0.1 kB."""

    __slots__ = ("_at_s", "_before", "_gap_s", "_last", "_level", "_points", "_run", "_spread")

    def __init__(self) -> None:
        self._at_s = self._gap_s = 0.0
        self._points = 0
        self._run = 0  # of points beyond the clip: above it if positive
        self._level = self._spread = 0.0
        self._last = self._before = 0.0  # deviations

    def step(self, value: float, at_s: float) -> tuple[float, float] | None:
        """In mean absolute deviations: the lesser of the last two, 0 where sides differ, and the greatest of the last three.

        None in a series whose points come faster.
        """
        if not self._slow(at_s):
            return None
        off = self._deviation(value)
        last, before = self._last, self._before
        self._last, self._before = off, last
        lesser = min(abs(off), abs(last)) if off * last > 0.0 else 0.0
        return lesser, max(abs(off), abs(last), abs(before))

    def _slow(self, at_s: float) -> bool:
        gap = at_s - self._at_s
        if self._at_s and gap > 0.0:
            gap = gap if gap < _GAP_S else _GAP_S
            self._gap_s += _OF_GAPS * (gap - self._gap_s) if self._gap_s else gap
        self._at_s = at_s
        return self._gap_s >= _SLOW_S

    def _deviation(self, value: float) -> float:
        """Signed, from the level; then learn the value. 0 for the first few."""
        points = self._points
        if not points:
            self._level = value
        self._points = points + 1
        error = value - self._level
        unit = self._spread + TINY + _FLOOR * abs(self._level)
        warm = points >= _WARM_UP
        clipped = max(-_CLIP * unit, min(_CLIP * unit, error)) if warm else error
        run = self._run
        if clipped == error:
            self._run = 0
        elif error > 0.0:
            self._run = run + 1 if run > 0 else 1
        else:
            self._run = run - 1 if run < 0 else -1
        share = 1.0 / (points + 1)
        self._spread += max(_SPREAD_SLOWEST, share) * (abs(clipped) - self._spread)
        self._level += max(_LEVEL, share) * (clipped if abs(self._run) < _LASTS else error)
        return error / unit if warm else 0.0
