"""Where a series is going: a least-squares line that forgets, as plain numbers.

Source: weighted recursive simple regression by co-moments (Chan, Golub and LeVeque 1983). The line's standard error allows for
autocorrelation of its one-step errors by the AR(1) factor (1 + r) / (1 - r) (Bayley and Hammersley 1946), so that a
random walk does not pass for a trend. The moments are those of river's `stats.Cov` and `stats.Var`, as a test says.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from schemas.frozen import maker

# An AR(1) coefficient is never believed beyond this: at 0.97 the standard error grows eightfold.
_MOST_CORRELATED = 0.97


@dataclass(frozen=True, slots=True)
class Trend:
    """A fading regression of values on times (s). `n` is the sum of discounted weights; moments are per weight."""

    n: float = 0.0
    mean_s: float = 0.0
    mean_value: float = 0.0
    variance_s: float = 0.0
    variance_value: float = 0.0
    covariance: float = 0.0
    error: float = 0.0  # the last one-step error
    error_power: float = 0.0
    error_product: float = 0.0  # of successive errors

    def learned(self, at_s: float, value: float, decay: float = 1.0) -> "Trend":
        """The line after `value` at `at_s` seconds; what was known counts `decay` times as much as before."""
        error = value - self.at(at_s) if self.n > 1.5 else 0.0
        kept = self.n * decay
        n = kept + 1.0
        off_s, off = at_s - self.mean_s, value - self.mean_value
        mean_s, mean_value = self.mean_s + off_s / n, self.mean_value + off / n
        return _made(
            n,
            mean_s,
            mean_value,
            (self.variance_s * kept + off_s * (at_s - mean_s)) / n,
            (self.variance_value * kept + off * (value - mean_value)) / n,
            (self.covariance * kept + off_s * (value - mean_value)) / n,
            error,
            (self.error_power * kept + error * error) / n,
            (self.error_product * kept + error * self.error) / n,
        )

    @property
    def per_s(self) -> float:
        """The slope, in units of the value a second."""
        return self.covariance / self.variance_s if self.variance_s > 0 else 0.0

    def at(self, at_s: float) -> float:
        """The line's value at a time."""
        return self.mean_value + self.per_s * (at_s - self.mean_s)

    @property
    def residual_variance(self) -> float:
        """Variance about the line, unbiased for the two numbers that it estimates."""
        if self.n <= 2.5:
            return 0.0
        explained = self.per_s * self.covariance
        return max(0.0, self.variance_value - explained) * self.n / (self.n - 2)

    @property
    def autocorrelation(self) -> float:
        """Of successive one-step errors, between 0 and 0.97."""
        if self.error_power <= 0:
            return 0.0
        return min(_MOST_CORRELATED, max(0.0, self.error_product / self.error_power))

    @property
    def standard_error(self) -> float:
        """Of the slope, in units of the value a second; infinite while there is no line."""
        if self.n <= 2.5 or self.variance_s <= 0:
            return math.inf
        r = self.autocorrelation
        return math.sqrt(self.residual_variance / (self.n * self.variance_s) * (1 + r) / (1 - r))


_made: Callable[..., Trend] = maker(Trend)
