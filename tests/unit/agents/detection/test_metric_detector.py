"""The detector of a metric series, on labelled streams."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.detection.metric_detector import WARM_UP, Reading, SeriesState, watch
from tests.support.signals import NOW

THRESHOLD = 0.99


def readings(values: Sequence[float], name: str = "latency_ms", step_ms: int = 1000) -> list[Reading | None]:
    """What the detector says of each value."""
    state, found = SeriesState(), []
    for i, value in enumerate(values):
        state, reading = watch(state, name, value, NOW + i * step_ms)
        found.append(reading)
    return found


def alarms(found: Sequence[Reading | None], since: int = 0) -> list[int]:
    """The indices at which a point is an anomaly."""
    return [i for i, r in enumerate(found) if i >= since and r is not None and r.score >= THRESHOLD]


def noise(count: int, mean: float = 50.0, deviation: float = 5.0, seed: int = 1) -> list[float]:
    """Independent Gaussian values."""
    dice = random.Random(seed)
    return [dice.gauss(mean, deviation) for _ in range(count)]


def test_the_first_points_are_learned_and_not_judged() -> None:
    """A dozen points say too little to call another one unusual."""
    found = readings([*noise(WARM_UP - 1), 1e6])
    assert found == [None] * WARM_UP


def calm_streams() -> dict[str, tuple[str, list[float]]]:
    """Series in which nothing happens, each unlike the others."""
    dice = random.Random(7)
    wandering, level = [], 0.0
    for _ in range(2000):
        level = 0.9 * level + dice.gauss(0, 0.01)
        wandering.append(0.4 + level)
    return {
        "gaussian": ("latency_ms", noise(2000)),
        "heavy-tailed": ("latency_ms", [dice.lognormvariate(3, 0.7) for _ in range(2000)]),
        "autocorrelated": ("memory_limit_ratio", wandering),
        "daily": ("cpu_ratio", [0.5 + 0.2 * math.sin(i * math.tau / 288) + dice.gauss(0, 0.02) for i in range(2000)]),
        "counts": ("request_rate", [float(sum(dice.random() < 0.05 for _ in range(80))) for _ in range(2000)]),
        "all zero": ("error_rate", [0.0] * 2000),
        "collected garbage": (
            "heap_used_ratio",
            [0.3 + 0.3 * (i % 60) / 60 + dice.gauss(0, 0.005) for i in range(2000)],
        ),
    }


@pytest.mark.parametrize("stream", calm_streams())
def test_fewer_than_two_in_a_hundred_calm_points_are_called_anomalies(stream: str) -> None:
    """Under 2 % false alarms, on series of every temper."""
    name, values = calm_streams()[stream]
    assert len(alarms(readings(values, name))) / len(values) < 0.02 + 12 / len(values)


def test_a_spike_is_seen_at_once_and_not_afterwards() -> None:
    """One point twelve deviations out, and then calm: one alarm."""
    assert alarms(readings([*noise(200), 110.0, *noise(100, seed=2)])) == [200]


@pytest.mark.parametrize("deviations", [4, 5, 8])
def test_a_shift_of_level_is_seen_within_fifteen_points(deviations: int) -> None:
    """Each point alone may be within bounds: together they are not."""
    found = readings([*noise(300), *noise(60, mean=50 + 5 * deviations, seed=3)])
    first, *more = alarms(found, since=300)
    assert first - 300 < 15
    assert not alarms(found[:300])
    assert more


@pytest.mark.parametrize("calm", [0, 60, 600])
def test_a_leak_is_seen_within_thirty_points_with_its_trend(calm: int) -> None:
    """Half a per cent of the limit a second, from the first point on or after a calm time."""
    dice = random.Random(4)
    values = [0.3 + dice.gauss(0, 0.005) + max(0, i - calm) * 0.005 for i in range(calm + 100)]
    found = readings(values, "memory_limit_ratio")
    first = alarms(found, since=calm)[0]
    assert first - calm < 30
    late = found[calm + 80]
    assert late is not None
    assert 0.2 < late.trend_per_min < 0.33  # a fading line remembers some of the calm


def test_a_slow_leak_in_the_noise_is_seen() -> None:
    """A tenth of the noise's deviation a second: no point is unusual, the slope is."""
    dice = random.Random(5)
    values = [0.3 + dice.gauss(0, 0.005) + max(0, i - 300) * 0.0005 for i in range(600)]
    found = readings(values, "memory_limit_ratio")
    assert 300 < alarms(found)[0] < 380


def test_what_does_not_fill_up_may_rise() -> None:
    """A request rate that grows by a tenth of its noise a point is a busy morning."""
    values = [v + 0.05 * i for i, v in enumerate(noise(150))]
    assert not alarms(readings(values, "request_rate"))


def test_a_new_level_that_lasts_becomes_the_usual_one() -> None:
    """After two minutes of it nobody is told any more."""
    found = readings([*noise(300), *noise(400, mean=100, seed=3)])
    assert alarms(found, since=300)[0] == 300
    assert not alarms(found, since=300 + 200)


def test_a_counter_is_watched_by_its_rate_and_may_be_reset() -> None:
    """It only ever grows, and falls to 0 when its process restarts: neither is news. A burst is."""
    dice = random.Random(6)
    total, values = 0.0, []
    for i in range(400):
        total = 0.0 if i == 200 else total + 100 + dice.gauss(0, 5) + (2000 if i == 300 else 0)
        values.append(total)
    found = readings(values, "requests_total")
    assert 300 in alarms(found)
    assert 200 not in alarms(found, since=201)
    burst = found[300]
    assert burst is not None
    assert burst.value == pytest.approx(2100, rel=0.05)
    assert burst.expected == pytest.approx(100, rel=0.1)


def test_a_flat_line_says_nothing_of_small_changes() -> None:
    """Of a constant 100 a change by half a per cent is no news, one by half is."""
    assert not alarms(readings([*[100.0] * 200, 100.4]))
    assert alarms(readings([*[100.0] * 200, 150.0])) == [200]


def test_leaving_a_constant_zero_counts_for_as_much_as_was_seen() -> None:
    """No scale is known: after 20 points a first value proves little, after 200 it is news."""
    assert not alarms(readings([*[0.0] * 20, 5.0], "error_rate"))
    assert alarms(readings([*[0.0] * 200, 5.0], "error_rate")) == [200]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200])
def test_what_is_no_usable_number_changes_nothing(bad: float) -> None:
    """Neither a reading nor a trace of it."""
    state, _ = watch(SeriesState(), "latency_ms", 1.0, NOW)
    assert watch(state, "latency_ms", bad, NOW + 1000) == (state, None)


def test_duplicate_and_backward_times_are_passed_over() -> None:
    """Replayed points are not learned twice."""
    state = SeriesState()
    for i, value in enumerate(noise(50)):
        state, _ = watch(state, "latency_ms", value, NOW + i * 1000)
    same, reading = watch(state, "latency_ms", 1e6, NOW + 49_000)
    assert (same, reading) == (state, None)
    back, reading = watch(state, "latency_ms", 1e6, NOW)
    assert reading is None
    assert back.usual == state.usual


def test_a_clock_that_was_ahead_does_not_blind_the_detector_for_long() -> None:
    """One point from the future; ten from the present set the series right."""
    state = SeriesState()
    for i, value in enumerate(noise(50)):
        state, _ = watch(state, "latency_ms", value, NOW + i * 1000)
    state, _ = watch(state, "latency_ms", 50.0, NOW + 3_600_000)
    seen = []
    for i, value in enumerate(noise(20, seed=2)):
        state, reading = watch(state, "latency_ms", value, NOW + 50_000 + i * 1000)
        seen.append(reading is not None)
    assert seen == [False] * 10 + [True] * 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60), st.sampled_from(["x_total", "heap", "y"]))
def test_no_value_breaks_the_detector(values: list[float], name: str) -> None:
    """Whatever comes, the score stays within 0 and 1 and the state stays finite."""
    state = SeriesState()
    for i, value in enumerate(values):
        state, reading = watch(state, name, value, NOW + i * 1000)
        assert reading is None or 0.0 <= reading.score <= 1.0
    assert all(math.isfinite(n) for n in (state.usual.mean, state.usual.variance, state.trend.covariance))


def test_one_connection_of_an_idle_pool_is_no_news() -> None:
    """A share of a limit that was always 0 may be a twentieth now and then; that half of the limit is in use is news."""
    idle = [0.0] * 60
    assert alarms(readings([*idle, 0.05, *idle, 0.05], "pool_in_use_ratio")) == []
    assert alarms(readings([*idle, 0.5], "pool_in_use_ratio")) == [60]
