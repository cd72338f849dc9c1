"""One series, watched by all detectors at once: a score of 0 to 1 on one scale for every series, and whether it is an alarm.

Each detector's statistic becomes a rarity by its own history (`tail`), so they can be added: the cubic mean of them lies
near the most surprised one, and more when several are (Aggarwal and Sathe 2017, "Outlier ensembles"). A longer life gives
more occasions to be surprised (the bar rises by the logarithm of the age), and what was told a while ago counts less
(`hold_off`). Nothing to configure: no parameter depends on a series, its name or its unit.
"""

from dataclasses import dataclass
from math import isfinite, log10

from agents.detectors.clock import Clock
from agents.detectors.deseasoned import Deseasoned
from agents.detectors.hold_off import HoldOff
from agents.detectors.scale import Scale
from agents.detectors.season import Season
from agents.detectors.shape import Shape
from agents.detectors.tail import Tail
from agents.detectors.texture import Texture
from agents.detectors.value import Value
from agents.detectors.week import Week

# A surprise of 3: see docs/detection.md for how it was chosen.
THRESHOLD = 0.999
WARM_UP = 8
_ROUGH_WARM_UP = 50
_BLOCK = 6
_OF_LIFE, _LONGEST = 0.75, 20_000
_MOST = 1e100  # squares must stay finite


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one point: the score, and whether the product's own threshold calls it an alarm."""

    score: float
    alarm: bool


class SeriesWatch:
    """The memory of one series, and what it says of the next point. About 12 kB."""

    __slots__ = (
        "_block", "_clock", "_deseasoned", "_hold", "_off", "_scale", "_season", "_shape", "_sum", "_tails", "_texture",
        "_value", "_week",
    )  # fmt: skip

    def __init__(self) -> None:
        self._scale = Scale()
        self._season, self._week, self._texture, self._value = Season(), Week(), Texture(), Value()
        self._shape, self._clock, self._deseasoned = Shape(), Clock(), Deseasoned()
        self._tails = tuple(Tail() for _ in range(8))
        self._hold = HoldOff()
        self._block = 0
        self._sum = self._off = 0.0

    def judge(self, value: float, at_s: float, threshold: float = THRESHOLD) -> Verdict:
        """Score a point, then learn it; one that is no number, or too large to be squared, is passed over with 0."""
        if not abs(value) <= _MOST or not isfinite(at_s):
            return Verdict(0.0, alarm=False)
        score = 1.0 - 10.0 ** -self.surprise(value, at_s)
        return Verdict(score, alarm=score >= threshold)

    def surprise(self, value: float, at_s: float) -> float:
        """How surprising a finite value is, 0 and more, in orders of magnitude; then learn it."""
        scale = self._scale
        points, unit = scale.points, scale.unit()
        # A cubic mean: one detector that is very surprised counts for more than all that are a little.
        cubes = self._of_point(value, at_s, points, unit)
        self._sum += value
        self._off += self._season.off
        self._block += 1
        if self._block == _BLOCK:
            cubes += self._of_block(self._sum / _BLOCK, self._off / _BLOCK, at_s, unit)
            self._block, self._sum, self._off = 0, 0.0, 0.0
        scale.learn(value)
        life = min(points, _LONGEST) / 1000.0 + 0.02
        return self._hold.step(cubes ** (1 / 3) - _OF_LIFE * log10(life), points)

    def _of_point(self, value: float, at_s: float, points: int, unit: float) -> float:
        seasonal, weekly, valued, roughly, stilly = self._tails[:5]
        cubes = 0.0
        season = self._season.step(value, at_s, self._scale.level)
        if season is not None and points >= WARM_UP:
            cubes += seasonal.rarity(season) ** 3
        week = self._week.step(value, at_s)
        if week is not None:
            cubes += weekly.rarity(week) ** 3
        new = self._value.step(value, unit)
        if new is not None:
            cubes += valued.rarity(new) ** 3
        rough, still = self._texture.step(value)
        if points > _ROUGH_WARM_UP:
            cubes += roughly.rarity(rough) ** 3
        return cubes + stilly.rarity(still) ** 3

    def _of_block(self, mean: float, off: float, at_s: float, unit: float) -> float:
        shaped, clocked, deseasoned = self._tails[5:]
        shape = self._shape.step(mean, unit)
        if shape is None:
            return 0.0
        return (
            shaped.rarity(shape, _BLOCK) ** 3
            + clocked.rarity(self._clock.step(mean, at_s, unit), _BLOCK) ** 3
            + deseasoned.rarity(self._deseasoned.step(off, unit), _BLOCK) ** 3
        )
