"""What was just told is not told again unless it is worse than that was.

After a score the bar is that score, and it falls to nothing over a tenth of the series' life, a thousand points at
most; what comes meanwhile must be above the bar by a margin, and is then told whole. It holds for weak scores as for strong
ones, so no threshold is built in.
"""

_OF_AGE = 0.1
_LEAST, _MOST = 10.0, 1000.0
_MARGIN = 0.6


class HoldOff:
    """The bar a series has now."""

    __slots__ = ("_at", "_score")

    def __init__(self) -> None:
        self._score = 0.0
        self._at = 0

    def step(self, score: float, points: int, reach: float = 0.0) -> float:
        """The score, or 0 if it is not enough above the bar.

        Args:
            points: the series' life so far.
            reach: points over which the bar falls, if not a tenth of the life.
        """
        if score <= 0.0:
            return 0.0
        reach = reach or min(_MOST, max(_LEAST, _OF_AGE * points))
        gone = (points - self._at) / reach
        bar = self._score * (1.0 - gone) if gone < 1.0 else 0.0
        if bar > 0.0 and score <= bar + _MARGIN:
            return 0.0
        self._score, self._at = score, points
        return score
