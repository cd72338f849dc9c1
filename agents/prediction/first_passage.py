"""When a noisy rise first reaches a level, in closed form: exact where Monte Carlo would sample, and the same every time.

Source: the first passage of a Brownian motion with drift is inverse Gaussian (Schrödinger 1915; Folks and Chhikara 1978,
J. R. Statist. Soc. B 40(3)). The drift is itself an estimate: its Gaussian error is integrated over by Gauss-Hermite quadrature.
"""

import math
from dataclasses import dataclass

import numpy as np

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_DRIFTS = tuple(zip(_NODES.tolist(), (_WEIGHTS / _WEIGHTS.sum()).tolist(), strict=True))
# Times at which the distribution is taken, as shares of the horizon: dense at first, where a breach is urgent.
_TIMES = tuple((k / 24) ** 2 for k in range(1, 25))


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
    steps, before, began_s = [], 0.0, 0.0
    for share in _TIMES:
        until_s = share * horizon_s
        reached = _while_it_lasts(rise, until_s)
        # Within each interval the rise must have gone on until its middle.
        going_on = 1.0 / (1.0 + (began_s + until_s) / 2 / max(rise.persistence * rise.lasted_s, 1e-9))
        steps.append((began_s, until_s, max(0.0, reached - before) * going_on))
        before, began_s = max(before, reached), until_s
    probability = min(1.0, sum(mass for _, _, mass in steps))
    return Passage(probability, _median(steps, probability / 2) if probability > 0 else None)


def _median(steps: list[tuple[float, float, float]], half: float) -> float:
    for began_s, until_s, mass in steps:
        if mass >= half > 0:
            return began_s + (until_s - began_s) * half / mass
        half -= mass
    return steps[-1][1]


def _while_it_lasts(rise: Rise, within_s: float) -> float:
    # What is uncertain of the start is as if it had diffused before.
    variance = rise.diffusion * within_s + rise.gap_error**2
    return math.fsum(w * _reached(rise.gap, rise.drift + z * rise.drift_error, variance, within_s) for z, w in _DRIFTS)


def _reached(gap: float, drift: float, variance: float, within_s: float) -> float:
    if variance <= 1e-12 * gap * gap:
        return 1.0 if drift * within_s >= gap else 0.0
    spread, way = math.sqrt(variance), drift * within_s
    direct = _normal((way - gap) / spread)
    # Paths that were beyond the level and came back: the reflection term, in logarithms lest it overflow.
    log_weight = 2 * way * gap / variance
    tail = _normal((-gap - way) / spread)
    reflected = math.exp(log_weight + math.log(tail)) if tail > 0 else 0.0
    return min(1.0, direct + reflected)


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
