"""Whether such a value was ever seen at about this time of day.

Source: contextual anomalies (Hayes and Capretz 2015, "Contextual anomaly detection framework for big sensor data"): the
nearest neighbour among past values with their context; here the context is the hour as a point of a circle.
"""

from math import cos, pi, sin

from agents.detectors.prototypes import Prototypes

_CAPACITY, _VIGILANCE = 128, 0.2
_TURN = 2 * pi / 86400.0


class Clock:
    """Novelty of a mean at its time of day: a quarter of a day is as far as 1.4 deviations of value."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen = Prototypes(_CAPACITY, _VIGILANCE)

    def step(self, mean: float, at_s: float, unit: float) -> float:
        """The distance to what was seen, in units."""
        angle = at_s * _TURN
        return self._seen.distance(mean / unit, cos(angle), sin(angle), 1.0)
