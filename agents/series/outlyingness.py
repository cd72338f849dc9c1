"""How unusual a deviation is, on one scale of 0 to 1 for all series, whatever their distribution.

Source: Vysochanskij, D. F. and Petunin, Y. I. (1980), Justification of the 3-sigma rule for unimodal distributions. Of any
unimodal distribution at most 4 / (9 z²) lies further out than z standard deviations, so 1 minus that is the least share
of past behaviour that was less unusual. Gaussian tails would call 1 % of calm points anomalies at a score of 0.99; this needs
6.7 deviations.
"""

import math

_KNEE = math.sqrt(8 / 3)


def outlyingness(z: float) -> float:
    """The score of a deviation of `z` standard deviations, either way; 0 to 1.

    >>> round(outlyingness(20 / 3), 2), outlyingness(0.5), outlyingness(float("inf"))
    (0.99, 0.0, 1.0)
    """
    z = abs(z)
    if z <= 1.0:
        return 0.0
    beyond = 4 / (9 * z * z) if z >= _KNEE else 4 / (3 * z * z) - 1 / 3
    return max(0.0, 1.0 - beyond)


def trust(z: float, power: int, usual: float = 3.0) -> float:
    """How much a point of `z` deviations may teach: all up to `usual`, then less by a power, lest it become the norm."""
    z = abs(z)
    return 1.0 if z <= usual else float((usual / z) ** power)
