"""One metric series, followed online: how far it is off its usual level, has shifted or rises, on one score of 0 to 1.

A point is scored before it is learned. Three deviations are taken, and the most unusual one makes the score:
- the point's from the series' usual level (a spike);
- the recent mean's from it, an EWMA chart (Roberts 1959, Technometrics 1(3)), its width corrected for autocorrelation (a shift);
- for things that fill up, the slope's from the usual slopes (a leak), where half an hour of it would matter.
What is unusual hardly teaches; but what lasts `adopt_after` points is the new normal. All on fading moments (see `level` and
`trend`). Nothing to configure but the name: half-lives are in points, so any sampling interval will do.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agents.series.level import Level, decay_of
from agents.series.metric_names import FILLING, counts_up, family, least_scale, resolution
from agents.series.outlyingness import outlyingness, trust
from agents.series.trend import Trend
from agents.series.values import measurable
from schemas.frozen import maker
from schemas.records.vocabulary import Millis

WARM_UP = 12
UNUSUAL = 0.99  # the score from which a point is unusual, for learning
RISES = "rises steadily"
_USUAL_DECAY = decay_of(240)
_RECENT_DECAY = decay_of(8)
_TREND_DECAY = decay_of(20)
_RECENT_FRACTION = (1 - _RECENT_DECAY) / (1 + _RECENT_DECAY)  # of a point's variance, in the recent mean
# Slopes are taken for level, as strongly as 10,000 points say it: a rise is the new normal after about 220 points of it.
_NO_SLOPE = Level(n=10_000.0)
_SLOPES_DECAY = decay_of(10_000)
_FLAT_SHARE = 0.01  # deviations below 1 % of the level are no news, however flat the line was
_RISE_HORIZON_S, _RISE_SHARE = 1800.0, 0.1
_CLOCK_RESET = 10  # so many points in a row from before the newest: the newest was the one that was wrong


@dataclass(frozen=True, slots=True)
class SeriesState:
    """What is remembered of a series; about 40 numbers."""

    points: int = 0
    first_at: Millis = 0
    last_at: Millis = 0
    last_raw: float = 0.0
    last: float = 0.0
    backwards: int = 0
    unusual_run: int = 0
    usual: Level = field(default_factory=Level)
    recent: Level = field(default_factory=Level)
    slopes: Level = _NO_SLOPE
    trend: Trend = field(default_factory=Trend)
    neighbours: float = 0.0  # fading mean of the product of successive deviations from the usual level


@dataclass(frozen=True, slots=True)
class Reading:
    """What the detector says of one point; `value` and `expected` are a rate a second where the metric is a counter."""

    score: float
    value: float
    expected: float
    trend_per_min: float
    shape: str


_state: Callable[..., SeriesState] = maker(SeriesState)
_reading: Callable[..., Reading] = maker(Reading)


class Seen(NamedTuple):
    """A value, what its series was like before it, and what follows from it at once.

    `scale`: the standard deviation to measure by, 0 while nothing is known of it. `usual` does not know the value, `recent` and
    `trend` do. `deviations`: how far the value and the recent mean are from the usual level.
    """

    name: str
    value: float
    scale: float
    usual: Level
    recent: Level
    trend: Trend
    deviations: tuple[float, float]


def watch(
    state: SeriesState, name: str, raw: float, at: Millis, threshold: float = UNUSUAL, adopt_after: int = 120
) -> tuple[SeriesState, Reading | None]:
    """Score a point, then learn it.

    Args:
        raw: the value; one that is not measurable changes nothing.
        at: its time, epoch ms. One that is not after the newest is passed over, unless ten in a row say that
            clocks were set back.
        threshold: the score from which a point is unusual, for learning.
        adopt_after: how many unusual points in a row make a new normal.

    Returns:
        The next state, and the reading: None while warming up and for points that are passed over.
    """
    if not measurable(raw):
        return state, None
    if state.points and at <= state.last_at:
        return _out_of_order(state, raw, at), None
    value = raw
    if counts_up(name):
        if not state.points:
            return SeriesState(points=1, first_at=at, last_at=at, last_raw=raw), None
        # A counter that falls was reset: it counts from 0 again.
        grown = raw - state.last_raw if raw >= state.last_raw else raw
        value = grown * 1000 / (at - state.last_at)
    points, usual, slopes, first_at = state.points, state.usual, state.slopes, state.first_at or at
    warm = points >= WARM_UP
    scale = _scale(usual, name) if warm else 0.0
    # The recent mean and the trend know the value before it is judged, the usual level only afterwards.
    recent = state.recent.learned(_clipped(usual.mean, 4 * scale, value) if warm else value, _RECENT_DECAY)
    trend = state.trend.learned((at - first_at) / 1000, value, _TREND_DECAY)
    seen = Seen(name, value, scale, usual, recent, trend, _deviations(state, recent, value, scale))
    reading = _read(seen, points, slopes) if warm else None
    unusual_run = state.unusual_run + 1 if reading and reading.score >= threshold else 0
    weight = _weight(state, seen)
    neighbours = state.neighbours
    if weight == 1.0:
        product = (value - usual.mean) * (state.last - usual.mean)
        neighbours += (product - neighbours) / (usual.n * _USUAL_DECAY + 1)
    usual = usual.learned(value, _USUAL_DECAY, weight)
    if warm and family(name) in FILLING:
        slopes = slopes.learned(trend.per_s, _SLOPES_DECAY)
    if unusual_run >= adopt_after:
        usual, recent, neighbours, unusual_run = Level(), Level(), 0.0, 0
    points = 1 if usual.n == 0 else points + 1
    return _state(points, first_at, at, raw, value, 0, unusual_run, usual, recent, slopes, trend, neighbours), reading


def _out_of_order(state: SeriesState, raw: float, at: Millis) -> SeriesState:
    if at == state.last_at:
        return state
    if state.backwards + 1 < _CLOCK_RESET:
        return replace(state, backwards=state.backwards + 1)
    # The level is still good; the line's times are not.
    return replace(state, backwards=0, first_at=at, last_at=at, last_raw=raw, trend=Trend())


def _read(seen: Seen, points: int, slopes: Level) -> Reading:
    """The reading of a value."""
    value, usual, per_min = seen.value, seen.usual.mean, seen.trend.per_s * 60
    if not seen.scale:
        if value == usual:
            return _reading(0.0, value, usual, 0.0, "is constant")
        # A line so flat that nothing tells how far is far: Laplace's rule of succession.
        return _reading(1 - 1 / (points + 2), value, usual, per_min, "left its constant value")
    spike, shift = seen.deviations
    rise = _rise(seen, slopes)
    worst = max(spike, shift, rise)
    shape = RISES if worst == rise else "is far off" if worst == spike else "has shifted"
    return _reading(outlyingness(worst), value, usual, per_min, shape)


def _clipped(mean: float, reach: float, value: float) -> float:
    """The value as the recent mean takes it: one spike is no shift of level, so no point pulls by more than `reach`."""
    least, most = mean - reach, mean + reach
    return least if value < least else most if value > most else value


def _scale(usual: Level, name: str) -> float:
    """The standard deviation to measure the next point by, in the metric's unit; 0 where nothing is known of it."""
    # The level and its variance are themselves estimates from n points (Student's predictive distribution).
    n = usual.n
    estimated = (1 + 1 / n) * max(1.0, n - 1) / max(1.0, n - 3)
    return max(usual.deviation * math.sqrt(estimated), abs(usual.mean) * _FLAT_SHARE, least_scale(name))


def _deviations(state: SeriesState, recent: Level, value: float, scale: float) -> tuple[float, float]:
    """How far the value and the recent mean are from the usual level, each in its own standard deviation."""
    if not scale:
        return 0.0, 0.0
    usual, variance = state.usual, state.usual.variance
    # Neighbours that resemble each other make the recent mean wander: an AR(1) factor, up to the width of a point.
    r = min(0.97, max(0.0, state.neighbours / variance)) if variance > 0 else 0.0
    width = min(1.0, math.sqrt(_RECENT_FRACTION * (1 + r) / (1 - r)))
    return abs(value - usual.mean) / scale, abs(recent.mean - usual.mean) / (scale * width)


def _rise(seen: Seen, slopes: Level) -> float:
    """How many deviations the slope is above the usual slopes; 0 for what does not fill up, or rises immaterially."""
    slope = seen.trend.per_s
    if slope <= 0 or family(seen.name) not in FILLING:
        return 0.0
    if slope * _RISE_HORIZON_S < max(_RISE_SHARE * abs(seen.usual.mean), 10 * resolution(seen.name)):
        return 0.0
    width = math.hypot(seen.trend.standard_error, slopes.deviation)
    return max(0.0, slope - slopes.mean) / width if width else math.inf


def _weight(state: SeriesState, seen: Seen) -> float:
    """How much the value teaches the usual level."""
    if not seen.scale:
        return 1.0
    # An outlier on its own belongs to the series' tails and teaches; a run of them is an event.
    alone = abs(state.last - seen.usual.mean) <= 3 * seen.scale
    return trust(max(seen.deviations), power=2 if alone else 4)
