"""How often values like this one came before a breach: counts by where the series is, where it was within the hour, and how often
it comes near its level. The plainest of a fleet's models; it cannot be too sure of what it has seen seldom.
"""

from typing import Any

from agents.prediction.breach_features import HOUR, NEAR, SHARE

_SHARES, _HOURS, _NEARS = 8, 11, 6
_FINE = 8  # cells a level
_CELLS = _SHARES * _HOURS * _NEARS
_MADE_UP = 4.0  # outcomes at the fleet's own rate that every cell begins with
_RARE, _RARE_WEIGHT = 1.0, 50.0  # the fleet's rate before anything is known: 2 %
_MOST = 4096.0  # outcomes a cell, from which the older half of them fades


class BreachTable:
    """P(a breach within the horizon | the cell that the features fall in)."""

    __slots__ = ("_breached", "_came", "_count", "_seen")

    def __init__(self) -> None:
        self._seen, self._breached = [0.0] * _CELLS, [0.0] * _CELLS
        self._count, self._came = _RARE_WEIGHT, _RARE

    def probability(self, features: list[float]) -> float:
        """The cell's share of breaches, drawn to the fleet's while the cell is young."""
        cell, usual = _cell(features), self._came / self._count
        return (self._breached[cell] + _MADE_UP * usual) / (self._seen[cell] + _MADE_UP)

    def learn(self, features: list[float], breached: bool) -> None:
        """What became of a value whose horizon is over."""
        cell = _cell(features)
        self._seen[cell] += 1.0
        self._breached[cell] += breached
        self._count += 1.0
        self._came += breached
        if self._seen[cell] >= _MOST:
            self._seen[cell] /= 2
            self._breached[cell] /= 2

    def figures(self) -> list[Any]:
        """The counts."""
        return [self._seen, self._breached, self._count, self._came]

    def restore(self, figures: list[Any]) -> None:
        """Put back what `figures` gave.

        Raises:
            ValueError: they are of another division.
        """
        seen, breached, self._count, self._came = figures
        if len(seen) != _CELLS or len(breached) != _CELLS:
            raise ValueError("a table of another size")
        self._seen, self._breached = list(seen), list(breached)


def _cell(features: list[float]) -> int:
    share, hour, near = features[SHARE] * _FINE, features[HOUR] * _FINE, features[NEAR] + (_NEARS - 1)
    row = int(min(_SHARES - 1.0, max(0.0, share))) * _HOURS + int(min(_HOURS - 1.0, max(0.0, hour)))
    return row * _NEARS + int(min(_NEARS - 1.0, max(0.0, near)))
