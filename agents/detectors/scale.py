"""Where a series lies and how far it strays from there: the units in which all detectors measure.

What is done for every point, here and beside it, has `a if a > b else b` for `max(a, b)`: the call takes three times as long.
"""

_SLOWEST = 1e-4  # the memory's length is 10,000 points
_FLOOR = 1e-3  # deviations below 0.1 % of the level are no news, however flat the line was
TINY = 1e-9
FULL = 60_000  # counts that fit in two bytes stop here: the memory is far shorter


class Scale:
    """Running mean and mean absolute deviation, the plain ones at first, then fading."""

    __slots__ = ("level", "points", "spread")

    def __init__(self) -> None:
        self.points = 0
        self.level = 0.0
        self.spread = 0.0

    def unit(self) -> float:
        """What a deviation is measured by; greater than 0."""
        return self.spread + TINY + _FLOOR * abs(self.level)

    def learn(self, value: float) -> None:
        """Take a value in."""
        if not self.points:
            self.level = value
        self.points += 1
        share = 1.0 / self.points
        share = share if share > _SLOWEST else _SLOWEST
        off = value - self.level
        self.level += share * off
        self.spread += share * (abs(off) - self.spread)
