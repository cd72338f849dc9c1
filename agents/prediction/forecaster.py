"""One series, forecast online: a fading line with its errors, and from it the odds of a breach within the horizon.

The line is that of `agents.series.trend`, in two lengths: after a bend the long one is a poor fit until it has forgotten what
was before, and the short one holds. How far the series wanders about it is told apart into noise, which stays, and diffusion,
which adds up: the long-run variance of the steps, their variance and twice the covariance of neighbours (that of an MA(1),
Newey and West 1987). White noise about a line cancels in it, a random walk does not.
"""

import math
from dataclasses import dataclass, field

from agents.prediction.contest import AHEAD_MS, LEVEL, SEASON, Belief, Contest
from agents.prediction.first_passage import Rise, first_passage
from agents.series.level import decay_of
from agents.series.trend import Trend
from agents.series.values import measurable
from schemas.records.vocabulary import Millis
from state.changed import changed

WARM_UP = 12
_LONG_DECAY, _SHORT_DECAY = decay_of(15), decay_of(5)
_POORER = 4.0  # so many times the short line's residual variance, and the long line is a poor fit
_STEP_DECAY = decay_of(120)
# A long-run variance below this share of the steps' own is within its sampling error, and taken for none.
_NO_DIFFUSION = 0.4
_SIGNIFICANT = 3.0  # standard errors from which a slope is a rise
_CLOCK_RESET = 10
# A breach is seen where both the newest point and the short line are at the level: so many points after the series got there.
# One that is seen after the horizon is not within it, so that so much less of it counts; half does, however rare the points are.
_SEEN_AFTER, _LEAST_SHARE = 3.0, 0.5
# So many deviations above its line, and a series may have bent: a line of its own is begun there, for the first points after
# a bend, of which the others know little yet. Four points have two degrees of freedom: a slope of eight errors is 1 % chance.
_BENT, _BEND_LEAST, _BEND_MOST, _BEND_SIGNIFICANT = 6.0, 4, 15, 8.0


@dataclass(frozen=True, slots=True)
class ForecastState:
    """What is remembered of a series. Steps are differences of successive points, less what the line rises between them."""

    points: int = 0
    first_at: Millis = 0
    last_at: Millis = 0
    last: float = 0.0
    step: float = 0.0
    step_power: float = 0.0  # fading mean of squared steps, a second
    step_product: float = 0.0  # of neighbouring steps' products, a second
    backwards: int = 0
    rising_since: Millis | None = None
    long: Trend = field(default_factory=Trend)
    short: Trend = field(default_factory=Trend)
    bend: Trend = field(
        default_factory=Trend
    )  # what came since `bent_at`, the first point far above the line; empty without one
    bent_at: Millis = 0
    contest: Contest = field(default_factory=Contest)

    @property
    def line(self) -> Trend:
        """The line that holds now."""
        bent = self.long.residual_variance > _POORER * self.short.residual_variance
        return self.short if bent else self.long


@dataclass(frozen=True, slots=True)
class Forecast:
    """P(a breach is seen within the horizon), the median time until the series gets to its level (s), and the line's slope.

    It is seen some points later than the series gets there; see `_SEEN_AFTER`.
    """

    probability: float
    breach_in_s: float | None
    trend_per_min: float
    model: str = "line"


def learn(state: ForecastState, value: float, at: Millis) -> ForecastState:
    """The state after a point; one that is not finite, or not after the newest, changes nothing that matters.

    Ten points in a row from before the newest say that clocks were set back: the line begins anew.
    """
    if not measurable(value):
        return state
    if state.points and at <= state.last_at:
        return _out_of_order(state, value, at)
    first_at = state.first_at if state.points else at
    at_s = (at - first_at) / 1000
    learned = changed(
        state, points=state.points + 1, first_at=first_at, last_at=at, last=value, backwards=0,
        long=state.long.learned(at_s, value, _LONG_DECAY), short=state.short.learned(at_s, value, _SHORT_DECAY))  # fmt: skip
    learned = _bent(learned, state, at_s)
    line = learned.line
    if state.points >= 2:
        learned = _stepped(learned, line.per_s, state)
    if learned.points < WARM_UP or line.per_s <= _SIGNIFICANT * _slope_error(learned, line):
        learned = changed(learned, rising_since=None) if state.rising_since is not None else learned
    elif state.rising_since is None:
        learned = changed(learned, rising_since=_onset(learned, line))
    return _looked(learned) if learned.points >= WARM_UP and learned.contest.due(at) else learned


def forecast(state: ForecastState, level: float, horizon_s: float) -> Forecast | None:
    """The odds that the series is seen at `level` (in its unit) within the horizon; None while there is too little to tell."""
    if state.points < WARM_UP:
        return None
    line = state.line
    per_min = line.per_s * 60
    now_s = (state.last_at - state.first_at) / 1000
    if breached(state, level):
        return Forecast(1.0, 0.0, per_min)
    horizon_s = max(_LEAST_SHARE * horizon_s, horizon_s - _SEEN_AFTER * _interval_s(state))
    best = state.contest.best
    if best == SEASON:
        return _after_bend(state, level, horizon_s) or _in_season(state, level, horizon_s)
    if state.rising_since is None:
        return _after_bend(state, level, horizon_s) or Forecast(0.0, None, per_min)
    if best == LEVEL:
        return _after_bend(state, level, horizon_s) or _staying(state, level, horizon_s)
    rise = Rise(
        gap=level - line.at(now_s), gap_error=math.sqrt(line.residual_variance / line.n), drift=line.per_s,
        drift_error=_slope_error(state, line), diffusion=_diffusion(state),
        lasted_s=(state.last_at - state.rising_since) / 1000)  # fmt: skip
    passage = first_passage(rise, horizon_s)
    return Forecast(passage.probability, passage.median_s, per_min)


def _looked(state: ForecastState) -> ForecastState:
    """The state after a look: models are judged by what the series came to, and where it rises each says how it goes on."""
    now_s = (state.last_at - state.first_at) / 1000
    value = state.short.at(now_s)
    contest = state.contest.looked(value, state.last_at)
    if state.rising_since is not None:
        contest = contest.claimed(state.last_at, _beliefs(state, contest, now_s))
    return changed(state, contest=contest)


def _beliefs(state: ForecastState, contest: Contest, now_s: float) -> tuple[Belief, ...]:
    """What each model expects of the series' level at a claim's horizon."""
    line, value, ahead_s = state.line, state.short.at(now_s), AHEAD_MS / 1000
    start = state.short.residual_variance / state.short.n + _diffusion(state) * ahead_s
    drifted = (ahead_s * _slope_error(state, line)) ** 2
    level, season = contest.variance(LEVEL), contest.variance(SEASON)
    found = (
        Belief(line.at(now_s + ahead_s), math.sqrt(start + drifted)),
        Belief(value, math.sqrt(start if level is None else level)),
    )
    if not contest.season.known:
        return found
    usual = contest.season.at(state.last_at + AHEAD_MS) - contest.season.at(state.last_at)
    return (*found, Belief(value + usual, math.sqrt(start if season is None else season)))


def _staying(state: ForecastState, level: float, horizon_s: float) -> Forecast:
    """The odds where rises of this series have led nowhere: it wanders from where it is, as far as it did before."""
    return _wandering(state, level, LEVEL, ((horizon_s, 0.0),))


def _in_season(state: ForecastState, level: float, horizon_s: float) -> Forecast:
    """The odds where the series does what it did on other days: the likeliest of the ways to a turn of its season."""
    season, at = state.contest.season, state.last_at
    now = season.at(at)
    turns = tuple((s, season.at(at + int(s * 1000)) - now) for s in season.knots(at, horizon_s))
    return _wandering(state, level, SEASON, turns)


def _wandering(state: ForecastState, level: float, model: int, ways: tuple[tuple[float, float], ...]) -> Forecast:
    """The likeliest passage of several ways, each (s until its end, what is gained by then)."""
    short, now_s = state.short, (state.last_at - state.first_at) / 1000
    diffusion = (state.contest.variance(model) or 0.0) / (AHEAD_MS / 1000)
    best: Forecast | None = None
    for until_s, gain in ways:
        rise = Rise(
            gap=level - short.at(now_s), gap_error=math.sqrt(short.residual_variance / short.n), drift=gain / until_s,
            drift_error=0.0, diffusion=diffusion, lasted_s=math.inf)  # fmt: skip
        passage = first_passage(rise, until_s)
        if best is None or passage.probability > best.probability:
            best = Forecast(passage.probability, passage.median_s, rise.drift * 60, ("line", "level", "season")[model])
    return best or Forecast(0.0, None, 0.0)


def _bent(learned: ForecastState, before: ForecastState, at_s: float) -> ForecastState:
    """The state with the line since the last bend upwards: begun by a point far above, ended by one that is not above."""
    above = learned.last - before.line.at(at_s) if before.points >= WARM_UP else 0.0
    if before.bend.n:
        goes_on = above > 0 and before.bend.n < _BEND_MOST
        return changed(learned, bend=before.bend.learned(at_s, learned.last) if goes_on else Trend())
    if above <= _BENT * math.sqrt(before.line.residual_variance):
        return learned
    return changed(learned, bend=Trend().learned(at_s, learned.last), bent_at=learned.last_at)


def _after_bend(state: ForecastState, level: float, horizon_s: float) -> Forecast | None:
    """The odds by the line since the bend, where it clearly rises: it is sure after four points, the others after ten."""
    bend = state.bend
    if bend.n < _BEND_LEAST or bend.per_s <= _BEND_SIGNIFICANT * bend.standard_error:
        return None
    now_s = (state.last_at - state.first_at) / 1000
    rise = Rise(
        gap=level - bend.at(now_s), gap_error=math.sqrt(bend.residual_variance / bend.n), drift=bend.per_s,
        drift_error=bend.standard_error, diffusion=0.0, lasted_s=(state.last_at - state.bent_at) / 1000)  # fmt: skip
    passage = first_passage(rise, horizon_s)
    return Forecast(passage.probability, passage.median_s, bend.per_s * 60)


def breached(state: ForecastState, level: float) -> bool:
    """Whether the series is at its level. One point over it is a spike, and no breach yet."""
    now_s = (state.last_at - state.first_at) / 1000
    return state.points >= WARM_UP and min(state.last, state.short.at(now_s)) >= level


def _stepped(state: ForecastState, per_s: float, before: ForecastState) -> ForecastState:
    elapsed_s = (state.last_at - before.last_at) / 1000
    step = state.last - before.last - per_s * elapsed_s
    share = max(1 - _STEP_DECAY, 1 / (before.points - 1))
    power = before.step_power + share * (step * step / elapsed_s - before.step_power)
    product = before.step_product + share * (step * before.step / elapsed_s - before.step_product)
    return changed(state, step=step, step_power=power, step_product=product)


def _diffusion(state: ForecastState) -> float:
    return max(0.0, state.step_power * (1 - _NO_DIFFUSION) + 2 * state.step_product)


def _slope_error(state: ForecastState, line: Trend) -> float:
    """Of the line, and of a drift that is read off a diffusing motion over the line's memory."""
    memory_s = _memory_s(line)
    wander = _diffusion(state) / memory_s if memory_s > 0 else 0.0
    return math.sqrt(line.standard_error**2 + wander)


def _memory_s(line: Trend) -> float:
    return math.sqrt(12 * line.variance_s)  # the length of a uniform window with this variance


def _interval_s(state: ForecastState) -> float:
    """Between two points of late: the variance of the times that a fading line remembers is d / (1 - d)² intervals squared."""
    return (1 - _SHORT_DECAY) * math.sqrt(state.short.variance_s / _SHORT_DECAY)


def _onset(state: ForecastState, line: Trend) -> Millis:
    """When a rise that has just become significant began: half the line's memory ago."""
    return max(state.first_at, int(state.last_at - 1000 * _memory_s(line) / 2))


def _out_of_order(state: ForecastState, value: float, at: Millis) -> ForecastState:
    if at == state.last_at or state.backwards + 1 < _CLOCK_RESET:
        return changed(state, backwards=state.backwards + (at < state.last_at))
    line = Trend().learned(0.0, value)
    return ForecastState(points=1, first_at=at, last_at=at, last=value, long=line, short=line)
