"""Where a series usually lies: a mean and variance that forget, as plain numbers.

Source: West, D. H. D. (1979), Updating mean and variance estimates: an improved method, CACM 22(9); forgetting is a
discount of the sum of weights before each update, which makes it the exponentially weighted mean without a start-up bias.
The figures are those of river's `stats.Var`, to which a test compares them; its objects cost six times the arithmetic.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from schemas.frozen import maker


@dataclass(frozen=True, slots=True)
class Level:
    """A weighted mean and (population) variance; `n` is the sum of the discounted weights."""

    n: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation, in the series' unit."""
        return math.sqrt(self.variance) if self.variance > 0.0 else 0.0

    def learned(self, value: float, decay: float = 1.0, weight: float = 1.0) -> "Level":
        """The level after `value`, which counts `weight` times; what was known counts `decay` times as much as before.

        >>> Level().learned(1.0).learned(3.0)
        Level(n=2.0, mean=2.0, variance=1.0)
        """
        kept = self.n * decay
        n = kept + weight
        if n <= 0.0:
            return _made(n, self.mean, self.variance)
        off = value - self.mean
        mean = self.mean + off * weight / n
        return _made(n, mean, (self.variance * kept + weight * off * (value - mean)) / n)


_made: Callable[..., Level] = maker(Level)


def decay_of(half_life: float) -> float:
    """The discount a step after which the weight has halved in `half_life` steps."""
    return float(0.5 ** (1.0 / half_life))
