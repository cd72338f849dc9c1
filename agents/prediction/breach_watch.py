"""Early warning of breaches over a fleet of series: every value is foretold, and verified when its horizon is over.

Three models foretell: a logistic regression (`breach_odds`), what it said of the last values, fading, and a table of counts
(`breach_table`). By how well they did lately they are made one (`odds_mix`), and calibrated.

What is learned of one series helps all: the models and the probability from which to warn (`warning_level`) belong
to the fleet; a series keeps its recent past and what is not verified yet. The first values of the first series are foretold
by the prior alone: about two in a hundred, which is no warning.
"""

from collections import deque
from dataclasses import dataclass, field
from math import isfinite

from agents.prediction.breach_features import BreachFeatures
from agents.prediction.breach_odds import BreachOdds
from agents.prediction.breach_table import BreachTable
from agents.prediction.calibration import Calibration
from agents.prediction.odds_mix import OddsMix, log_odds
from agents.prediction.warning_level import Standing, WarningLevel

_NEWEST = 0.3  # of the fading mean: a memory of three values


@dataclass(slots=True)
class Foretold:
    """A point whose horizon is not over."""

    features: list[float]
    said: tuple[float, ...]  # the log-odds by each model
    probability: float
    started: int
    over: bool
    breached: bool = False


@dataclass(slots=True)
class SeriesBreaches:
    """What is remembered of one series."""

    past: BreachFeatures = field(default_factory=BreachFeatures)
    standing: Standing = field(default_factory=Standing)
    pending: deque[Foretold | None] = field(default_factory=deque)
    usual: float | None = None  # the fading mean of the regression's log-odds
    below: int = 0  # values below the level in a row


@dataclass(frozen=True, slots=True)
class BreachWarning:
    """Of one value: the probability of a breach within the horizon, and whether the fleet's level calls for a warning."""

    probability: float
    warned: bool


NOTHING = BreachWarning(0.0, warned=False)


class BreachFleet:
    """The model of all series that have the same level and horizon (in points)."""

    def __init__(self, level: float, horizon: int) -> None:
        self.level = level
        self.horizon = horizon
        self.calibration = Calibration()
        self.warning = WarningLevel(horizon)
        self.odds = BreachOdds()
        self.table = BreachTable()
        self.mix = OddsMix()

    def step(self, series: SeriesBreaches, value: float) -> BreachWarning:
        """Verify what this value decides, learn from it, then foretell. A value that is no number only lets time pass."""
        known = isfinite(value)
        over = known and value >= self.level
        self._verify(series, over)
        if not known:
            series.pending.append(None)
            return NOTHING
        if over and series.below >= self.horizon:
            self.warning.verify_breach(series.standing)
        series.below = 0 if over else series.below + 1
        features = series.past.step(value / self.level)
        said = self._said(series, features)
        probability = self.mix.probability(said)
        started = self.warning.follow(series.standing, probability, over)
        series.pending.append(Foretold(features, said, probability, started, over))
        return BreachWarning(probability, not over and self.warning.warns(series.standing))

    def _said(self, series: SeriesBreaches, features: list[float]) -> tuple[float, ...]:
        """The log-odds by each model."""
        now = log_odds(self.odds.probability(features))
        series.usual = now if series.usual is None else series.usual + _NEWEST * (now - series.usual)
        return now, series.usual, log_odds(self.table.probability(features))

    def _verify(self, series: SeriesBreaches, over: bool) -> None:
        if over:
            for told in series.pending:
                if told is not None:
                    told.breached = True
        if len(series.pending) < self.horizon:
            return
        done = series.pending.popleft()
        if done is None or done.over:
            return
        self.odds.learn(done.features, done.breached)
        self.table.learn(done.features, done.breached)
        self.mix.learn(done.said, done.breached)
        self.calibration.learn(done.probability, done.breached)
        if done.started:
            self.warning.verify_start(done.started, done.breached)
