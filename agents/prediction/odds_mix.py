"""The odds of several models made one: each counts by how well it foretold lately, and together they say what comes true.

A logistic mixing of the models' log-odds (Mattern 2012, "Mixing strategies in data compression", DCC), its weights fitted
online by log loss with Newton steps (the extended Kalman filter of a logistic regression), outcomes fading with a half-life.
With a bias and a slope it is Platt's scaling as well, online (Gupta and Ramdas 2023, ICML 202): it calibrates. High odds have
a slope of their own, as a model that is right about quiet values can be too sure of wild ones. Before any outcome the first
model speaks alone.
"""

from math import exp, log
from typing import Any

MODELS = 3
_INPUTS = MODELS + 2  # the models' log-odds, those of the first where they are above even, and one for the bias
_VAGUE = 0.1  # variance of a weight before anything is known
_FADE = 0.5 ** (1 / 100_000)  # a third of a day of a thousand series
_LEAST = 1e-4  # odds are never believed beyond this: a log-odds of nine
_FURTHEST = 30.0


class OddsMix:
    """P(a breach within the horizon | what the models say of it)."""

    __slots__ = ("_spread", "_weights")

    def __init__(self) -> None:
        self._weights = [1.0] + [0.0] * (_INPUTS - 1)
        self._spread = [[_VAGUE * (i == k) for k in range(_INPUTS)] for i in range(_INPUTS)]

    def probability(self, said: tuple[float, ...]) -> float:
        """The odds of the models' log-odds."""
        (a, b, c, d, e), (x0, x1, x2, x3, x4) = self._weights, _inputs(said)
        total = a * x0 + b * x1 + c * x2 + d * x3 + e * x4
        return 1.0 / (1.0 + exp(-min(_FURTHEST, max(-_FURTHEST, total))))

    def learn(self, said: tuple[float, ...], breached: bool) -> None:
        """What became of a value of which the models said this."""
        # Written out by place: it is done for every value, and loops of five cost three times as much.
        (x0, x1, x2, x3, x4), spread = _inputs(said), self._spread
        odds = self.probability(said)
        told = odds * (1.0 - odds)
        w0, w1, w2, w3, w4 = ways = [a * x0 + b * x1 + c * x2 + d * x3 + e * x4 for a, b, c, d, e in spread]
        share = told / (1.0 + told * (w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3 + w4 * x4))
        # What is not asked for long must not fade beyond what was believed at first.
        unsure = max(row[i] for i, row in enumerate(spread)) / _VAGUE
        kept = 1.0 if unsure >= 1.0 else 1.0 / _FADE
        found = []
        for (a, b, c, d, e), way in zip(spread, ways, strict=True):
            part = share * way
            found.append([
                (a - part * w0) * kept, (b - part * w1) * kept, (c - part * w2) * kept, (d - part * w3) * kept,
                (e - part * w4) * kept,
            ])  # fmt: skip
        step = (breached - odds) * share / told
        self._spread, self._weights = found, [w + way * step for w, way in zip(self._weights, ways, strict=True)]

    def figures(self) -> list[Any]:
        """The weights, and how sure they are."""
        return [self._weights, self._spread]

    def restore(self, figures: list[Any]) -> None:
        """Put back what `figures` gave.

        Raises:
            ValueError: they are of other models.
        """
        weights, spread = figures
        if len(weights) != _INPUTS or [len(row) for row in spread] != [_INPUTS] * _INPUTS:
            raise ValueError("a mix of other models")
        self._weights, self._spread = list(weights), [list(row) for row in spread]


def log_odds(probability: float) -> float:
    """Of a probability, within what is believed.

    >>> log_odds(0.5), round(log_odds(1.0), 2)
    (0.0, 9.21)
    """
    held = min(1.0 - _LEAST, max(_LEAST, probability))
    return log(held / (1.0 - held))


def _inputs(said: tuple[float, ...]) -> tuple[float, ...]:
    return (*said, max(0.0, said[0]), 1.0)
