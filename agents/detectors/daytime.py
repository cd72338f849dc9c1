"""Whether such a level was ever seen about this time of day, as a place of a cylinder: round the clock, and up the values.

Source: distance to the nearest neighbour as outlier score (Ramaswamy, Rastogi and Shim 2000, SIGMOD), with the hour as an angle,
on prototypes that adaptive resonance keeps (`prototypes`). Unlike a profile it knows several usual levels at one
hour (workdays and weekends), and the hours before and after vouch for one that is new.
"""

from math import cos, sin, tau

from agents.detectors.prototypes import Prototypes

_CAPACITY, _VIGILANCE = 128, 0.3
_DAY_S = 86400.0
_RADIUS = 1.5  # in units: six hours are as far apart as 2.1 units of value
_WARM_UP = 4


class Daytime:
    """Novelty of the mean of six points at its time of day."""

    __slots__ = ("_blocks", "_seen")

    def __init__(self) -> None:
        self._seen = Prototypes(_CAPACITY, _VIGILANCE, 3)
        self._blocks = 0

    def step(self, mean: float, at_s: float, unit: float) -> float | None:
        """The distance to what was seen, in units, at a time (epoch seconds); None for the first few."""
        self._blocks += 1
        if self._blocks <= _WARM_UP:
            return None
        angle = at_s % _DAY_S / _DAY_S * tau
        radius = _RADIUS * unit
        return self._seen.distance(radius * cos(angle), radius * sin(angle), mean, unit)
