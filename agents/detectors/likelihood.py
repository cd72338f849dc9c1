"""Whether forecast errors have been unlikely for a while: the mean rarity of the last dozen.

Source: Numenta's anomaly likelihood (Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms", ICMLA; Ahmad et
al. 2017, Neurocomputing 262): not the error is judged but its recent mean against its history. The forecast is an
exponentially weighted mean.
"""

from agents.detectors.scale import TINY
from agents.detectors.tail import Tail

_LEVEL_SLOWEST = 1.0 - 0.5 ** (1 / 12)
_SPREAD_SLOWEST = 1.0 - 0.5 ** (1 / 60)
_LONG_SLOWEST = 1.0 - 0.5 ** (1 / 300)
_RECENT = 1.0 - 0.5 ** (1 / 8)
_FLOOR = 1e-3
_WARM_UP = 8


class Likelihood:
    """The fading mean of the rarities of forecast errors."""

    __slots__ = ("_level", "_long", "_long_spread", "_points", "_recent", "_spread", "_tail")

    def __init__(self) -> None:
        self._tail = Tail()
        self._points = 0
        self._level = self._long = self._spread = self._long_spread = self._recent = 0.0

    def step(self, value: float) -> float:
        """The mean rarity with this value's."""
        points = self._points
        if not points:
            self._level = self._long = value
        error, far = abs(value - self._level), abs(value - self._long)
        rarity = 0.0
        if points >= _WARM_UP:
            least = 0.1 * (self._long_spread + TINY + _FLOOR * abs(self._long))
            rarity = self._tail.rarity(error / (self._spread + least))
        self._points = points + 1
        share = 1.0 / (points + 1)
        self._spread += (share if share > _SPREAD_SLOWEST else _SPREAD_SLOWEST) * (error - self._spread)
        self._level += (share if share > _LEVEL_SLOWEST else _LEVEL_SLOWEST) * (value - self._level)
        slow = share if share > _LONG_SLOWEST else _LONG_SLOWEST
        self._long_spread += slow * (far - self._long_spread)
        self._long += slow * (value - self._long)
        self._recent += _RECENT * (rarity - self._recent)
        return self._recent
