"""One series, watched by all detectors at once: a score of 0 to 1 on one scale for every series, and whether it is an alarm.

Each detector's statistic becomes a rarity by its own history (`tail`), so they can be added: the cubic mean of them lies
near the most surprised one, and more when several are (Aggarwal and Sathe 2017, "Outlier ensembles"). A longer life gives
more occasions to be surprised (the bar rises by the logarithm of the age), and what was told a while ago counts less
(`hold_off`), as does what comes in a rhythm (`rhythm`). Nothing to configure: no parameter depends on a series, its name
or its unit.
"""

from dataclasses import dataclass
from math import isfinite, log10

from agents.detectors.daytime import Daytime
from agents.detectors.departure import Departure
from agents.detectors.deseasoned import Deseasoned
from agents.detectors.drift import Drift
from agents.detectors.hold_off import HoldOff
from agents.detectors.likelihood import Likelihood
from agents.detectors.memory import dump, restored
from agents.detectors.reach import Reach
from agents.detectors.rhythm import Rhythm
from agents.detectors.scale import Scale
from agents.detectors.season import Season
from agents.detectors.shape import BLOCK, Shape
from agents.detectors.tail import Tail
from agents.detectors.texture import Texture
from agents.detectors.transitions import Transitions
from agents.detectors.value import Value
from agents.detectors.week import Week

# A surprise of 3.33: see docs/detection.md for how it was chosen.
THRESHOLD = 0.99
WARM_UP = 8
_SOON, _LATER = 10, 50  # points after which residuals and roughness are judged
_OF_LIFE, _LONGEST = 0.75, 20_000
YOUNG = 100  # points until then prove less, by up to an order of magnitude
# Taken off, so that of a quiet series' points a share of 1 - s at most scores s or more: see docs/detection.md.
_OFFSET = 1.33
# In a series with a point an hour distance counts as well as rank. A mean deviation is worth so much surprise where two points in
# a row are so far, and so much at most where one of the last three is; the rarest pair counts up to the rank it has and this.
_PER_DEVIATION, _MOST_PER_DEVIATION, _BEYOND_RANK = 0.75, 1.1, 2.2
_HALF_A_DAY = 12.0
_MOST = 1e30  # what is larger is taken for this: memories are kept in single precision
_ABSURD = 1e100  # and what is larger still is no measurement


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one point: the score, and whether the product's own threshold calls it an alarm."""

    score: float
    alarm: bool


class SeriesWatch:
    """The memory of one series, and what it says of the next point. Below 20 kB."""

    __slots__ = (
        "_block",
        "_daytime",
        "_departure",
        "_deseasoned",
        "_drift",
        "_far_hold",
        "_hold",
        "_likelihood",
        "_of_block",
        "_of_point",
        "_rarity",
        "_reach",
        "_rhythm",
        "_scale",
        "_season",
        "_shape",
        "_sum",
        "_texture",
        "_transitions",
        "_value",
        "_week",
    )  # fmt: skip

    def __init__(self) -> None:
        self._scale = Scale()
        self._season, self._week, self._texture, self._value = Season(), Week(), Texture(), Value()
        self._reach, self._drift, self._likelihood = Reach(), Drift(), Likelihood()
        self._shape, self._deseasoned = Shape(), Deseasoned()
        self._transitions, self._daytime = Transitions(), Daytime()
        self._of_point = tuple(Tail() for _ in range(9))
        self._of_block = tuple(Tail() for _ in range(3))
        self._hold, self._rhythm = HoldOff(), Rhythm()
        self._departure, self._far_hold = Departure(), HoldOff()
        self._rarity = 0.0  # of the last point
        self._block = 0
        self._sum = 0.0

    def __eq__(self, other: object) -> bool:
        """Whether the other will say the same of whatever comes."""
        return isinstance(other, SeriesWatch) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def dump(self) -> str:
        """The memory as text; about 5 kB."""
        return dump(self)

    @classmethod
    def load(cls, text: str) -> "SeriesWatch":
        """The memory that `dump` wrote.

        Raises:
            UnreadableMemoryError: another version wrote it, or it is damaged; the series is to be learned anew.
        """
        return restored(cls, text)

    def judge(self, value: float, at_s: float, threshold: float = THRESHOLD) -> Verdict:
        """Score a point, then learn it; one that is no number, or absurdly large, is passed over with 0."""
        if not (abs(value) <= _ABSURD and isfinite(at_s)):
            return Verdict(0.0, alarm=False)
        value = max(-_MOST, min(_MOST, value))
        score = 1.0 - 10.0 ** -max(0.0, self.surprise(value, at_s) - _OFFSET)
        return Verdict(score, alarm=score >= threshold)

    def surprise(self, value: float, at_s: float) -> float:
        """How surprising a finite value is, 0 and more, in orders of magnitude; then learn it."""
        scale = self._scale
        points, unit = scale.points, scale.unit()
        # A cubic mean: one detector that is very surprised counts for more than all that are a little.
        cubes = self._point(value, at_s, points, unit)
        self._sum += value
        self._block += 1
        if self._block == BLOCK:
            cubes += self._six(self._sum / BLOCK, at_s, unit)
            self._block, self._sum = 0, 0.0
        scale.learn(value)
        rarity, far = cubes ** (1 / 3), self._departure.step(value, at_s)
        found = rarity - _bar(points)
        if far is None:
            return self._rhythm.step(self._hold.step(found, points), at_s)
        by_rank = self._rhythm.step(self._hold.step(min(found, _MOST_PER_DEVIATION * far[1]), points), at_s)
        by_distance = min(_PER_DEVIATION * far[0], max(rarity, self._rarity) + _BEYOND_RANK)
        self._rarity = rarity
        return max(by_rank, self._far_hold.step(by_distance, points, _HALF_A_DAY))

    def _point(self, value: float, at_s: float, points: int, unit: float) -> float:
        """Cubed rarities of the detectors that judge every point."""
        weekly, valued, residual, reached, drifted, likely, roughly, stilly, stepped = self._of_point
        cubes, level = 0.0, self._scale.level
        week = self._week.step(value, at_s)
        if week is not None:
            cubes += weekly.rarity(week) ** 3
        new = self._value.step(value, unit)
        if new is not None:
            cubes += valued.rarity(new) ** 3
        reach = self._reach.step(value)
        if points >= WARM_UP:
            cubes += reached.rarity(reach) ** 3
        drift = self._drift.step(value)
        if drift is not None:
            cubes += drifted.rarity(drift) ** 3
        rough, still = self._texture.step(value)
        if points > _LATER:
            cubes += roughly.rarity(rough) ** 3
        off = self._season.step(value, at_s, level)
        if points >= _SOON:
            cubes += residual.rarity(self._deseasoned.step(off, unit)) ** 3
        unlikely = self._transitions.step(value, level, unit)
        if unlikely is not None:
            cubes += stepped.rarity(unlikely) ** 3
        return cubes + stilly.rarity(still) ** 3 + likely.rarity(self._likelihood.step(value)) ** 3

    def _six(self, mean: float, at_s: float, unit: float) -> float:
        """Cubed rarities of those that judge the mean of six points, the last of them at `at_s`."""
        plateaued, shaped, daily = self._of_block
        plateau, shape = self._shape.step(mean, unit)
        daytime = self._daytime.step(mean, at_s, unit)
        cubes = 0.0
        if plateau is not None:
            cubes += plateaued.rarity(plateau, BLOCK) ** 3
        if shape is not None:
            cubes += shaped.rarity(shape, BLOCK) ** 3
        if daytime is not None:
            cubes += daily.rarity(daytime, BLOCK) ** 3
        return cubes


def _bar(points: int) -> float:
    """What is taken off a surprise for the series' age: 0 at about a thousand points, 1 at twenty thousand."""
    life = (points if points < _LONGEST else _LONGEST) / 1000.0 + 0.1
    bar = _OF_LIFE * log10(life)
    return bar + 1.0 - points / YOUNG if points < YOUNG else bar
