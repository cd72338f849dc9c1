"""Whether such a deviation from the time of day's level was ever seen: what is new once the day is removed.

Source: residuals of a seasonal model (Hochenbaum, Vallis and Kejariwal 2017, "Automatic anomaly detection in the cloud via
statistical learning"), judged by the nearest neighbour among past residuals rather than by a distribution.
"""

from agents.detectors.prototypes import PrototypesOnLine

_CAPACITY, _VIGILANCE = 128, 0.05


class Deseasoned:
    """Novelty of residuals."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen = PrototypesOnLine(_CAPACITY, _VIGILANCE)

    def step(self, residual: float, unit: float) -> float:
        """The distance of a point's residual to those seen, in units."""
        return self._seen.distance(residual / unit, 1.0)
