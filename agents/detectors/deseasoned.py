"""Whether such a deviation from the time of day's level was ever seen: what is new once the day is removed.

Source: residuals of a seasonal model (Hochenbaum, Vallis and Kejariwal 2017, "Automatic anomaly detection in the cloud via
statistical learning"), judged by the nearest neighbour among past residuals rather than by a distribution. For single
points and for the means of six.
"""

from agents.detectors.prototypes import PrototypesOnLine


class Deseasoned:
    """Novelty of residuals."""

    __slots__ = ("_means", "_points")

    def __init__(self) -> None:
        self._points = PrototypesOnLine(128, 0.05)
        self._means = PrototypesOnLine(64, 0.1)

    def of_point(self, residual: float, unit: float) -> float:
        """The distance of a point's residual to those seen, in units."""
        return self._points.distance(residual / unit, 1.0)

    def of_block(self, residual: float, unit: float) -> float:
        """The distance of a mean residual to those seen, in units."""
        return self._means.distance(residual / unit, 1.0)
