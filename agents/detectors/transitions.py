"""Whether the steps from level to level have been unlikely for a while: a Markov chain's log-likelihood, fading.

Source: Ye 2000, "A Markov chain model of temporal behavior for anomaly detection" (IEEE Workshop on Information Assurance and
Security), on twenty levels that are narrow about the mean and wide in the tails (inverse hyperbolic sine). What is
usual at one level (a fall from a peak) is not at another.
"""

from array import array
from math import asinh, floor, log2

from agents.detectors.scale import FULL

_LEVELS = 20
_PER_UNIT = 3.0
_PRIOR = 0.2  # of each step, in counts
_RECENT = 0.12
_WARM_UP = 40


class Transitions:
    """The fading mean of -log2 of the probability of the last steps. 0.9 kB."""

    __slots__ = ("_counts", "_from", "_points", "_recent", "_totals")

    def __init__(self) -> None:
        self._counts = array("H", bytes(2 * _LEVELS * _LEVELS))
        self._totals = array("I", bytes(4 * _LEVELS))
        self._from = -1
        self._points = 0
        self._recent = 0.0

    def step(self, value: float, level: float, unit: float) -> float | None:
        """The mean with the step to this value, of a series about `level`; None for the first forty."""
        to = floor(_PER_UNIT * asinh((value - level) / unit) + 0.5) + _LEVELS // 2
        to = 0 if to < 0 else _LEVELS - 1 if to >= _LEVELS else to
        last, self._from = self._from, to
        self._points += 1
        if last < 0:
            return None
        place = last * _LEVELS + to
        here = self._counts[place]
        # The logarithm of the inverse, so that a sure step is 0 and never less.
        unlikely = log2((self._totals[last] + _PRIOR * _LEVELS) / (here + _PRIOR))
        self._recent += _RECENT * (unlikely - self._recent)
        if here < FULL:
            self._counts[place] = here + 1
            self._totals[last] += 1
        return self._recent if self._points > _WARM_UP + 1 else None
