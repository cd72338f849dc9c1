"""Stage `metrics`: what it tells of a series, how often, and that it survives restarts."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.detection.metrics_stage import MetricRules, MetricsStage
from agents.detectors.ensemble import SeriesWatch
from ops.backtest.detect import judge
from ops.backtest.series_file import Row
from schemas.errors import DecodeError
from schemas.records.analysis import Anomaly
from schemas.records.intake import MetricPoint
from streams.stage import Position, Received
from streams.topics import METRICS
from tests.support.signals import INCIDENT, NOW, point, points
from tests.support.stage_run import StageRun


def fed(series: list[MetricPoint]) -> tuple[StageRun, list[Anomaly]]:
    """The stage after these points, and the anomalies that it told of."""
    run = StageRun(MetricsStage())
    return run, [anomaly for p in series for anomaly in run.take(METRICS, p, p.occurred_at)]


def leaking(calm: int, leak: int) -> list[MetricPoint]:
    """A calm memory that begins to leak."""
    dice = random.Random(3)
    return points([0.3 + dice.gauss(0, 0.004) + max(0, i - calm) * 0.006 for i in range(calm + leak)])


def test_an_anomaly_names_its_series_its_trend_and_its_point() -> None:
    """All that an incident needs: whose, how far off, where it is going, and the record that shows it."""
    _, found = fed(leaking(120, 60))
    first = next(anomaly for anomaly in found if anomaly.occurred_at >= NOW + 120_000)
    assert (first.incident_id, first.metric, first.kind) == (INCIDENT, "memory_limit_ratio", "METRIC")
    assert first.score >= 0.99
    assert first.value > first.expected > 0.29
    assert first.trend_per_min > 0
    offset = first.evidence[0].offset
    assert (first.evidence[0].topic, offset) == ("metrics", (first.occurred_at - NOW) // 1000)
    assert "memory_limit_ratio of checkout" in first.summary


def test_a_lasting_anomaly_is_told_at_once_and_then_every_five_seconds() -> None:
    """A minute's leak is a dozen records, not sixty."""
    _, found = fed(leaking(120, 60))
    gaps = [b.occurred_at - a.occurred_at for a, b in pairwise(found)]
    assert any(NOW + 120_000 <= told.occurred_at < NOW + 120_000 + 15_000 for told in found)
    assert min(gaps) >= 5000
    assert len(found) > 6


@pytest.mark.parametrize("calm", [14, 18, 30])
def test_a_young_series_that_leaves_its_level_for_good_is_told_of_within_five_seconds(calm: int) -> None:
    """Ranks among fourteen points prove nothing; three points in a row, each far off, do. One spike alone does not."""
    dice = random.Random(5)
    usual = [0.05 * dice.choice((0, 0, 1, 2)) for _ in range(calm)]
    _, found = fed(points([*usual, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0], "pool_in_use_ratio"))
    assert any(NOW + calm * 1000 <= told.occurred_at <= NOW + (calm + 5) * 1000 for told in found)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e308, -1e200])
def test_points_that_say_nothing_are_dead_letters_and_belong_to_no_state(bad: float) -> None:
    """NaN, infinities and what overflows when it is squared: refused with the reason, and the model goes on as before."""
    run, _ = fed(points([0.3, 0.31] * 10))
    before = dict(run.states)
    with pytest.raises(DecodeError, match="memory_limit_ratio of checkout is") as refused:
        run.take(METRICS, point(bad, NOW + 20_000), NOW + 20_000)
    assert refused.value.reason == "not_measurable"
    assert run.states == before


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=40), st.sampled_from(["heap_ratio", "x_total", "latency"])
)
def test_the_greatest_numbers_leave_a_state_that_can_be_stored(values: list[float], name: str) -> None:
    """What JSON cannot hold would be lost at the next restart (StageRun refuses it)."""
    run = StageRun(MetricsStage())
    for nth, value in enumerate(values):
        run.take(METRICS, point(value, NOW + nth, name), NOW + nth)
    (state,) = run.states.values()
    assert json.loads(state)


def test_the_same_points_in_the_same_place_make_the_same_anomalies() -> None:
    """Ids are functions of positions: a redelivery after a crash repeats them."""
    assert fed(leaking(60, 30))[1] == fed(leaking(60, 30))[1]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 179), st.integers(0, 1000))
def test_a_restart_in_mid_stream_changes_nothing(cut: int, seed: int) -> None:
    """The state read back from its dump goes on exactly as the one that was never dumped."""
    dice = random.Random(seed)
    series = points([0.3 + dice.gauss(0, 0.01) + max(0, i - 90) * 0.004 for i in range(180)])
    stage = MetricsStage()
    run, live, restarted = StageRun(stage), stage.initial(""), stage.initial("")
    for i, p in enumerate(series):
        received = run.place(METRICS, p, p.occurred_at)
        a, b = stage.decide(live, received), stage.decide(restarted, received)
        assert a == b
        assert a.state is not None
        assert b.state is not None
        live, restarted = a.state, stage.load(stage.dump(b.state)) if i == cut else b.state
    assert len(str(stage.dump(live))) < 16_000


def test_a_state_of_an_earlier_version_is_read() -> None:
    """What it did not know begins anew."""
    assert MetricsStage().load({"told_at": 5}).told_at == 5


def test_the_stage_scores_as_the_backtest_does() -> None:
    """Every alarm of the backtest is an anomaly of no lower score, at the same point, and both remember the same afterwards."""
    dice = random.Random(5)
    values = [dice.gauss(50, 5) + (60 if 400 <= i < 420 else 0) + (200 if i == 300 else 0) for i in range(600)]
    rows = [Row("", (NOW + i * 1000) / 1000, value) for i, value in enumerate(values)]
    alarms = {i: verdict.score for i, verdict in enumerate(judge(rows)) if verdict.alarm}
    stage, told = MetricsStage(MetricRules(repeat_s=0.0)), dict[int, float]()
    state = stage.initial("")
    for i, p in enumerate(points(values, "latency_ms")):
        step = stage.decide(state, Received(p, Position("metrics", 0, i, p.occurred_at)))
        assert step.state is not None
        state = step.state
        told.update((i, output.record.score) for output in step.outputs)
    watch = SeriesWatch()
    for row in rows:
        watch.judge(row.value, row.at_s or 0.0)
    assert {300, 400} <= alarms.keys() <= told.keys()
    assert all(told[i] >= score for i, score in alarms.items())
    assert state.detectors == watch


def test_a_memory_that_cannot_be_read_is_learned_anew() -> None:
    """What another version wrote of the detectors ends no worker, and the rest of the state is kept."""
    stage = MetricsStage()
    state = stage.load({**stage.dump(stage.initial("")), "detectors": "what is this?", "told_at": 7})
    assert state.told_at == 7
    assert state.detectors == SeriesWatch()
