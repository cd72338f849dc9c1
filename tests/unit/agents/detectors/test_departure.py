"""Two points in a row that are far from the recent level, in series with a point an hour."""

import random

import pytest

from agents.detectors.departure import Departure
from agents.detectors.ensemble import SeriesWatch

HOUR_S = 3600.0
BEGAN_S = 1_700_000_000.0


def hourly(values: list[float], step_s: float = HOUR_S) -> list[tuple[float, float] | None]:
    """What is said of each value of a series with a point every `step_s`."""
    departure = Departure()
    return [departure.step(value, BEGAN_S + i * step_s) for i, value in enumerate(values)]


def noise(count: int, seed: int = 1) -> list[float]:
    """Independent Gaussian values about 50; their mean absolute deviation is 4."""
    dice = random.Random(seed)
    return [dice.gauss(50.0, 5.0) for _ in range(count)]


def with_pairs(seed: int = 5) -> tuple[list[float], list[int]]:
    """Noise in which at uneven times, ten times, two points in a row are at 150; and where each pair begins."""
    dice, values, onsets = random.Random(seed), noise(200), []
    for _ in range(10):
        onsets.append(len(values))
        values += [150.0, 150.0, *noise(dice.randrange(30, 90), dice.randrange(1000))]
    return values, onsets


def alarms(values: list[float], step_s: float) -> list[int]:
    """The indices of the product's alarms."""
    watch = SeriesWatch()
    return [i for i, value in enumerate(values) if watch.judge(value, BEGAN_S + i * step_s).alarm]


def test_two_points_on_one_side_count_by_the_lesser_of_them() -> None:
    """One alone does not, nor two on different sides; the greatest of the last three is told as well."""
    usual = noise(200)
    for tail, counts in (([150.0], False), ([150.0, -50.0], False), ([150.0, 90.0], True), ([-50.0, 10.0], True)):
        told = hourly(usual + tail)[-1]
        assert told is not None
        lesser, greatest = told
        assert (lesser > 6.0) == counts, (tail, lesser)
        assert greatest > 20.0


def test_an_anomaly_neither_moves_the_level_nor_widens_what_is_usual() -> None:
    """The tenth pair is nearly as far as the first."""
    values, onsets = with_pairs()
    told = hourly(values)
    lesser = [found[0] for onset in onsets if (found := told[onset + 1]) is not None]
    assert len(lesser) == len(onsets)
    assert min(lesser) > 0.5 * lesser[0] > 8.0


def test_a_faster_series_is_not_judged_so() -> None:
    """Half an hour between points is too short; so is a series of minutes that has holes of hours."""
    assert hourly(noise(50), 1800.0) == [None] * 50
    departure, at_s = Departure(), BEGAN_S
    for i, value in enumerate(noise(500)):
        at_s += 5 * HOUR_S if i % 100 == 99 else 60.0
        assert departure.step(value, at_s) is None


def test_holes_doubles_and_times_that_run_backwards_leave_an_hourly_series_one() -> None:
    """Its cadence is that of its usual steps."""
    departure = Departure()
    times = [i * HOUR_S + BEGAN_S for i in range(200) if i % 17]
    times[50:50] = [times[50]] * 3
    times[90:90] = [times[10]]
    said = [departure.step(value, at_s) for value, at_s in zip(noise(len(times)), times, strict=True)]
    assert None not in said[1:]


def test_a_sixth_anomaly_is_told_like_the_first() -> None:
    """Within two points of its onset; where points come every five minutes, what was seen so often is no news."""
    values, onsets = with_pairs()
    found = alarms(values, HOUR_S)
    assert all(any(onset <= i <= onset + 2 for i in found) for onset in onsets)
    assert len([i for i in found if i > 200]) <= len(onsets) + 3
    faster = alarms(values, 300.0)
    assert sum(any(onset <= i <= onset + 2 for i in faster) for onset in onsets) < len(onsets)


def test_a_level_that_stays_is_the_new_one() -> None:
    """A shift by twenty deviations is told of for a day and a half, and then no more."""
    values = noise(300) + [v + 100.0 for v in noise(300, 3)]
    found = [i for i in alarms(values, HOUR_S) if i >= 300]
    assert found[0] <= 301
    assert found[-1] <= 336
    assert len(found) <= 5


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("law", ["gauss", "lognormal"])
def test_hourly_scores_are_tail_probabilities_on_the_safe_side(law: str, seed: int) -> None:
    """Of a quiet hourly series' points no more than a tenth score 0.9, and a hundredth 0.99."""
    dice, watch = random.Random(seed), SeriesWatch()
    values = [dice.gauss(50, 5) if law == "gauss" else dice.lognormvariate(3, 0.7) for _ in range(1500)]
    scores = [watch.judge(value, BEGAN_S + i * HOUR_S).score for i, value in enumerate(values)]
    for level, most in ((0.9, 0.1), (0.99, 0.01)):
        assert sum(score >= level for score in scores) / len(scores) <= most
