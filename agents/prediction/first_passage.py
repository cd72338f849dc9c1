"""When a noisy rise first reaches a level, in closed form: exact where Monte Carlo would sample, and the same every time.

Source: the first passage of a Brownian motion with drift is inverse Gaussian (Schrödinger 1915; Folks and Chhikara 1978,
J. R. Statist. Soc. B 40(3)). The drift is itself an estimate: its Gaussian error is integrated over by Gauss-Hermite quadrature.
"""

import math
from dataclasses import dataclass

import numpy as np

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_DRIFTS = tuple(zip(_NODES.tolist(), (_WEIGHTS / _WEIGHTS.sum()).tolist(), strict=True))
# Times at which the distribution is taken, as shares of the horizon: dense at first, where a breach is urgent; fewer where the
# odds are small by any of them.
_TIMES, _FEW_TIMES = (tuple((k / n) ** 2 for k in range(1, n + 1)) for n in (24, 8))
_SMALL = 0.25
# Odds of reaching the level at all by a rise that goes on, below which there are none.
_NONE = 1e-4
# So far off, in deviations by the root of two, the steepest drift leaves odds of 1e-12.
_BEYOND = 5.0
_erfc, _exp, _log = math.erfc, math.exp, math.log


@dataclass(frozen=True, slots=True)
class Rise:
    """A motion towards a level: `gap` to go, `drift` a second with its standard error, `diffusion` (variance) a second.

    `gap_error` is the standard deviation of what is measured of the gap. `lasted_s`: how long the rise has been going
    on; it is believed to go on for `persistence` times as long again at even odds (after Gott 1993, Nature 363: what has
    lasted is likely to last).
    """

    gap: float
    gap_error: float
    drift: float
    drift_error: float
    diffusion: float
    lasted_s: float
    persistence: float = 4.0


@dataclass(frozen=True, slots=True)
class Passage:
    """P(the level is reached within the horizon), and the median time to it of those motions that reach it, in s."""

    probability: float
    median_s: float | None


def first_passage(rise: Rise, horizon_s: float) -> Passage:
    """When and how likely the motion reaches its level within so many seconds.

    >>> first_passage(Rise(1.0, 0.0, 0.01, 0.0, 0.0, lasted_s=1e9), 200.0).probability > 0.99
    True
    """
    if rise.gap <= 0:
        return Passage(1.0, 0.0)
    drifts = [(weight, rise.drift + z * rise.drift_error) for z, weight in _DRIFTS]
    at_all = _while_it_lasts(rise, drifts, horizon_s)
    if at_all < _NONE:
        return Passage(0.0, None)
    believed_s = max(rise.persistence * rise.lasted_s, 1e-9)
    steps, before, began_s = [], 0.0, 0.0
    for share in _TIMES if at_all > _SMALL else _FEW_TIMES:
        until_s = share * horizon_s
        reached = _while_it_lasts(rise, drifts, until_s) if share < 1.0 else at_all
        more = reached - before
        if more > 0.0:
            # Within each interval the rise must have gone on until its middle.
            steps.append((began_s, until_s, more / (1.0 + (began_s + until_s) / 2 / believed_s)))
            before = reached
        began_s = until_s
    probability = min(1.0, sum(mass for _, _, mass in steps))
    return Passage(probability, _median(steps, probability / 2) if probability > 0 else None)


def _median(steps: list[tuple[float, float, float]], half: float) -> float:
    for began_s, until_s, mass in steps:
        if mass >= half > 0:
            return began_s + (until_s - began_s) * half / mass
        half -= mass
    return steps[-1][1]


def _while_it_lasts(rise: Rise, drifts: list[tuple[float, float]], within_s: float) -> float:
    """The odds that the level is reached within so many seconds by a rise that goes on, over what its drift may be."""
    gap = rise.gap
    # What is uncertain of the start is as if it had diffused before.
    variance = rise.diffusion * within_s + rise.gap_error**2
    if variance <= 1e-12 * gap * gap:
        return sum(weight for weight, drift in drifts if drift * within_s >= gap)
    scale, doubled = 1.0 / math.sqrt(2.0 * variance), 2.0 * gap / variance
    if (gap - drifts[-1][1] * within_s) * scale > _BEYOND:
        return 0.0
    total = 0.0
    # Every point of a series asks for some two hundred of these: no calls but what the arithmetic needs.
    for weight, drift in drifts:
        way = drift * within_s
        reached = 0.5 * _erfc((gap - way) * scale)
        # Paths that were beyond the level and came back: the reflection term, in logarithms lest it overflow.
        back = 0.5 * _erfc((gap + way) * scale)
        if back > 0.0:
            reached += _exp(doubled * way + _log(back))
        total += weight * (reached if reached < 1.0 else 1.0)
    return total
