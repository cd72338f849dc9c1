"""How far probabilities are from what came true: expected calibration error and Brier score, as they go.

Source: Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning", AAAI; Brier 1950.
"""

from typing import Any

_BINS = 10


class Calibration:
    """Sums over verified probabilities, in ten bins of equal width."""

    __slots__ = ("_came", "_count", "_said", "_squares")

    def __init__(self) -> None:
        self._count = [0] * _BINS
        self._said = [0.0] * _BINS
        self._came = [0] * _BINS
        self._squares = 0.0

    def learn(self, probability: float, came: bool) -> None:
        """A probability whose outcome is known."""
        place = min(_BINS - 1, int(probability * _BINS))
        self._count[place] += 1
        self._said[place] += probability
        self._came[place] += came
        self._squares += (probability - came) ** 2

    @property
    def verified(self) -> int:
        """How many."""
        return sum(self._count)

    @property
    def expected_error(self) -> float:
        """The mean distance between what was said and how often it came, over the bins as they were used; 0 with none."""
        off = sum(abs(said - came) for said, came in zip(self._said, self._came, strict=True))
        return off / max(1, self.verified)

    @property
    def brier(self) -> float:
        """The mean squared error of the probabilities."""
        return self._squares / max(1, self.verified)

    def figures(self) -> list[Any]:
        """The sums."""
        return [self._count, self._said, self._came, self._squares]

    def restore(self, figures: list[Any]) -> None:
        """Put back what `figures` gave."""
        self._count, self._said, self._came = (list(sums) for sums in figures[:3])
        self._squares = figures[3]
