"""Whether the recent course, as a few means, looks like any course before: on two scales.

Source: left discords (Yeh et al. 2016, "Matrix profile I", ICDM): the distance of a subsequence to its nearest neighbour in
the past. The past is kept as prototypes, and means stand for the points: piecewise aggregate approximation (Keogh et al.
2001). Values are compared as they are, not normalised, so a level never seen is new as well.
"""

from agents.detectors.prototypes import Prototypes, PrototypesOnLine

BLOCK = 6
_CAPACITY = 64
_VIGILANCE, _VIGILANCE_ON_LINE = 0.3, 0.1
_SHORT = 3


class Shape:
    """Novelty of the mean of twelve points, and of three means of six."""

    __slots__ = ("_blocks", "_plateau", "_short")

    def __init__(self) -> None:
        self._blocks: list[float] = []
        self._short = Prototypes(_CAPACITY, _VIGILANCE, 3)
        self._plateau = PrototypesOnLine(_CAPACITY, _VIGILANCE_ON_LINE)

    def step(self, mean: float, unit: float) -> tuple[float | None, float | None]:
        """Of the mean of the last six points: the two distances in units, None where one is not due."""
        blocks = self._blocks
        if len(blocks) == _SHORT:
            del blocks[0]
        blocks.append(mean)
        known = len(blocks)
        plateau = self._plateau.distance((blocks[-2] + mean) / 2, unit) if known > 1 else None
        short = self._short.distance(blocks[-3], blocks[-2], mean, unit) if known >= _SHORT else None
        return plateau, short
