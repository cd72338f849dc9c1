"""Whether the last eighteen points, as three means of six, look like any eighteen points before.

Source: left discords (Yeh et al. 2016, "Matrix profile I", ICDM): the distance of a subsequence to its nearest neighbour in
the past. The past is kept as prototypes, and means of six points stand for them: piecewise aggregate approximation
(Keogh et al. 2001). Values are compared as they are, not normalised, so a level never seen is new as well.
"""

from agents.detectors.prototypes import Prototypes

_CAPACITY, _VIGILANCE = 64, 0.3


class Shape:
    """Novelty of three successive means."""

    __slots__ = ("_before", "_last", "_means", "_seen")

    def __init__(self) -> None:
        self._seen = Prototypes(_CAPACITY, _VIGILANCE)
        self._before = self._last = 0.0
        self._means = 0

    def step(self, mean: float, unit: float) -> float | None:
        """The distance to what was seen, in units; None until there are three means to compare and some to compare with."""
        self._means += 1
        found = None
        if self._means > 3:
            found = self._seen.distance(self._before, self._last, mean, unit)
        self._before, self._last = self._last, mean
        return found
