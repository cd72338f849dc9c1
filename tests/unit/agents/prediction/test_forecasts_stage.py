"""The forecaster and its stage: whether breaches are foretold in time, and calm series left alone."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.prediction.forecaster import ForecastState, forecast, learn
from agents.prediction.forecasts_stage import ForecastsStage
from agents.prediction.levels import breach_level
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from streams.topics import METRICS
from tests.support.signals import INCIDENT, NOW, point, points
from tests.support.stage_run import StageRun


def foretold(series: list[MetricPoint]) -> list[Prediction]:
    """The predictions that the stage makes of these points."""
    run = StageRun(ForecastsStage())
    return [made for p in series for made in run.take(METRICS, p, p.occurred_at) if not made.outcome]


def leak(per_s: float, calm: int = 60, *, until: float = 0.9, seed: int = 1) -> list[float]:
    """A memory that leaks after a calm time, until it passes `until`."""
    dice = random.Random(seed)
    values: list[float] = []
    while not values or values[-1] < until:
        values.append(0.3 + max(0, len(values) - calm) * per_s + dice.gauss(0, 0.004))
    return values


@pytest.mark.parametrize("per_s", [0.01, 0.005, 0.002, 0.0005])
def test_a_leak_is_foretold_before_its_breach(per_s: float) -> None:
    """Whether it takes a minute or twenty: by the middle of the way there is a warning, and its median is about right."""
    values = leak(per_s)
    made = [p for p in foretold(points(values)) if p.probability >= 0.6]
    onset, breach = NOW + 60_000, NOW + len(values) * 1000
    assert onset < made[0].occurred_at < onset + 0.65 * (breach - onset)
    middle = min(made, key=lambda p: abs(p.occurred_at - (onset + 0.7 * (breach - onset))))
    assert middle.breach_in_s == pytest.approx((breach - middle.occurred_at) / 1000, rel=0.4)


@pytest.mark.parametrize("calm", [14, 60, 400])
def test_a_leak_of_eight_seconds_is_foretold_three_seconds_before_its_breach(calm: int) -> None:
    """As the demo's: four points after a clear bend are enough, however long it was calm before."""
    values = leak(0.086, calm)
    first = next(p for p in foretold(points(values)) if p.probability >= 0.6)
    assert first.occurred_at <= NOW + (len(values) - 1) * 1000 - 3000
    assert first.trend_per_min == pytest.approx(5.2, rel=0.1)


@pytest.mark.parametrize("after", [[0.5] * 20, [0.5, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3], [0.8, 0.3, 0.3, 0.8, 0.3, 0.3]])
def test_a_jump_or_a_spike_is_no_rise(after: list[float]) -> None:
    """What left its line, and goes nowhere from there, is not on its way to the level."""
    dice = random.Random(4)
    calm = [0.3 + dice.gauss(0, 0.004) for _ in range(60)]
    assert foretold(points([*calm, *(value + dice.gauss(0, 0.004) for value in after)])) == []


def test_the_odds_are_given_for_15_30_and_90_minutes() -> None:
    """The further ahead, the likelier."""
    odds = foretold(points(leak(0.0002, until=0.7), step_ms=1000))[0].odds
    assert list(odds) == ["900", "1800", "5400"]
    assert 0 <= odds["900"] <= odds["1800"] <= odds["5400"] <= 1


@pytest.mark.parametrize(("left", "likely"), [(25, True), (29, False), (35, False)])
def test_a_breach_that_would_be_seen_after_the_horizon_is_not_foretold(left: int, likely: bool) -> None:
    """On a line without noise, a point a minute: at the level in 25 minutes it is seen in time, in 29 it is not."""
    state = ForecastState()
    for minute in range(60):
        state = learn(state, 0.9 - (left + 59 - minute) * 0.005, NOW + minute * 60_000)
    found = forecast(state, 0.9, 1800)
    assert found is not None
    assert (found.probability > 0.6) is likely


def test_a_prediction_says_of_what_when_and_on_what_it_rests() -> None:
    """From now to half an hour ahead; the last point is its evidence."""
    first = foretold(points(leak(0.005)))[0]
    assert (first.incident_id, first.metric, first.level) == (INCIDENT, "memory_limit_ratio", 0.9)
    assert (first.from_s, first.to_s) == (0, 1800)
    assert first.trend_per_min == pytest.approx(0.3, rel=0.4)
    assert (first.evidence[0].topic, first.evidence[0].offset) == ("metrics", (first.occurred_at - NOW) // 1000)


def test_it_is_told_at_most_every_ten_seconds() -> None:
    """A leak of two minutes makes no hundred records."""
    made = foretold(points(leak(0.005)))
    assert len(made) >= 5
    assert min(b.occurred_at - a.occurred_at for a, b in pairwise(made)) >= 10_000


def test_it_is_taken_back_once_when_the_rise_is_over() -> None:
    """A restart gives the memory back: one prediction below the threshold, then silence."""
    dice = random.Random(2)
    values = leak(0.005, until=0.8)
    made = foretold(points([*values, *(0.3 + dice.gauss(0, 0.004) for _ in range(120))]))
    after = [p.probability for p in made if p.occurred_at >= NOW + len(values) * 1000]
    assert sum(p < 0.6 for p in after) == 1
    assert after[-1] < 0.45


def calm() -> dict[str, list[float]]:
    """Series that breach nothing, each unlike the others."""
    dice, wandering, x = random.Random(3), [], 0.0
    for _ in range(1500):
        x = 0.9 * x + dice.gauss(0, 0.01)
        wandering.append(0.6 + x)
    return {
        "noise": [0.6 + dice.gauss(0, 0.01) for _ in range(1500)],
        "wandering": wandering,
        "collected garbage": [0.3 + 0.3 * (i % 60) / 60 + dice.gauss(0, 0.005) for i in range(1500)],
        "spikes": [0.95 if i % 50 == 0 else 0.3 + dice.gauss(0, 0.01) for i in range(1500)],
        "flat": [0.5] * 1500,
    }


@pytest.mark.parametrize("series", calm())
def test_calm_series_are_left_alone(series: str) -> None:
    """Fewer than two in a hundred points foretell anything."""
    values = calm()[series]
    assert len([p for p in foretold(points(values)) if p.probability >= 0.6]) * 10 < 0.02 * len(values) * 10


def test_a_level_that_is_passed_for_good_is_a_breach_now() -> None:
    """Certain, in no time."""
    made = foretold(points([*[0.5] * 60, *[0.95] * 20]))
    assert (made[-1].probability, made[-1].breach_in_s) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "unit", "level"),
    [
        ("memory_limit_ratio", "1", 0.9),
        ("disk_used_percent", "", 90.0),
        ("disk_used", "%", 90.0),
        ("latency_ms", "ms", None),
        ("memory_bytes", "By", None),
        ("cache_hit_ratio", "1", None),
        ("availability_ratio", "1", None),
    ],
)
def test_levels_are_known_by_name_or_not_at_all(name: str, unit: str, level: float | None) -> None:
    """No limit is guessed; of what is better when high none is a breach."""
    assert breach_level(name, unit) == level
    run = StageRun(ForecastsStage())
    assert (run.stage.key(run.place(METRICS, point(1.0, name=name, unit=unit), NOW)) is not None) == (level is not None)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e200])
def test_what_is_no_usable_number_changes_nothing(bad: float) -> None:
    """Neither does a point from the same moment."""
    state = learn(ForecastState(), 0.5, NOW)
    assert learn(state, bad, NOW + 1000) == state
    assert learn(state, 0.9, NOW) == state


def test_a_clock_that_was_ahead_does_not_blind_the_forecaster_for_long() -> None:
    """Ten points from before the newest begin the line anew."""
    state = learn(learn(ForecastState(), 0.5, NOW), 0.5, NOW + 3_600_000)
    for i in range(12):
        state = learn(state, 0.5, NOW + 1000 * (i + 1))
    assert state.last_at == NOW + 12_000
    assert state.points == 3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 149), st.integers(0, 1000))
def test_a_restart_in_mid_stream_changes_nothing(cut: int, seed: int) -> None:
    """The state read back from its dump goes on exactly as the one that was never dumped."""
    series = points(leak(0.005, seed=seed, until=0.8))
    stage = ForecastsStage()
    run, live, restarted = StageRun(stage), stage.initial(""), stage.initial("")
    for i, p in enumerate(series):
        received = run.place(METRICS, p, p.occurred_at)
        a, b = stage.decide(live, received), stage.decide(restarted, received)
        assert a == b
        assert a.state is not None
        assert b.state is not None
        live, restarted = a.state, stage.load(stage.dump(b.state)) if i == cut else b.state


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e200, 1e200), max_size=60))
def test_no_value_breaks_the_forecaster(values: list[float]) -> None:
    """Whatever comes, predictions are probabilities."""
    assert all(0.0 <= p.probability <= 1.0 for p in foretold(points(values)))
