"""All detectors at once, on labelled streams."""

import math
import random
from collections.abc import Callable

import pytest

from agents.detectors.ensemble import SeriesWatch, Verdict

STEP_S = 300.0


def verdicts(values: list[float], step_s: float = STEP_S) -> list[Verdict]:
    """What is said of each value of a series with a point every `step_s`."""
    watch = SeriesWatch()
    return [watch.judge(value, i * step_s) for i, value in enumerate(values)]


def alarms(values: list[float], since: int = 0) -> list[int]:
    """The indices of alarms."""
    return [i for i, verdict in enumerate(verdicts(values)) if verdict.alarm and i >= since]


def noise(count: int, seed: int = 1) -> list[float]:
    """Independent Gaussian values about 50."""
    dice = random.Random(seed)
    return [dice.gauss(50.0, 5.0) for _ in range(count)]


def daily(count: int, seed: int = 2) -> list[float]:
    """A day of 288 points with a high noon."""
    dice = random.Random(seed)
    return [50 + 20 * math.sin(i * math.tau / 288) + dice.gauss(0, 1) for i in range(count)]


def frozen(values: list[float], at: int) -> list[float]:
    """The sensor hangs."""
    return values[:at] + [values[at]] * 200


CASES: dict[str, Callable[[], tuple[list[float], int]]] = {
    "a spike in noise": lambda: ([*noise(1500), 120.0, *noise(50, 3)], 1500),
    "a level never seen": lambda: (noise(1500) + [v + 40 for v in noise(100, 3)], 1500),
    "a value between two levels": lambda: ([10.0, 10.1, 90.0, 90.1] * 400 + [50.0] * 12, 1600),
    "a day without its noon": lambda: (daily(288 * 8) + [30.0 + v / 100 for v in noise(200)], 288 * 8),
    "a line that was flat": lambda: ([7.0] * 1000 + [9.0] * 5, 1000),
    "a flat line of a trillion": lambda: ([1e12] * 1000 + [1.2e12] * 5, 1000),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_plainly_unusual_is_an_alarm_soon(case: str) -> None:
    """Within three dozen points of its beginning, which is three hours here."""
    values, onset = CASES[case]()
    assert any(onset <= i <= onset + 90 for i in alarms(values)), alarms(values)


@pytest.mark.parametrize(
    "values", [noise(4000), daily(4000), [3.0] * 4000, [0.0] * 4000], ids=["noise", "daily", "constant", "zero"]
)
def test_quiet_series_are_left_alone(values: list[float]) -> None:
    """After a warm-up of a tenth, at most one alarm in 500 points."""
    assert len(alarms(values, since=400)) <= 7


def test_a_point_is_scored_by_the_points_before_it_alone() -> None:
    """What comes later changes no score."""
    values = daily(1000)
    assert verdicts(values)[:600] == verdicts(values[:600])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
def test_what_is_no_number_changes_nothing(bad: float) -> None:
    """The scores after it are those without it."""
    values = noise(300)
    with_bad = [*values[:200], bad, *values[200:]]
    watch = SeriesWatch()
    found = [watch.judge(value, i * STEP_S if i <= 200 else (i - 1) * STEP_S) for i, value in enumerate(with_bad)]
    assert found[200] == Verdict(0.0, alarm=False)
    assert found[:200] + found[201:] == verdicts(values)


def test_scale_and_offset_change_little() -> None:
    """A series in other units has its alarms at the same points."""
    values = [*noise(1500), 120.0, *noise(50, 3)]
    assert alarms([v * 1024.0 for v in values], since=400) == alarms(values, since=400)


def test_the_same_incident_is_told_once() -> None:
    """A level that stays is one alarm, not one a point."""
    values = noise(1500) + [v + 40 for v in noise(200, 3)]
    assert len(alarms(values, since=1500)) <= 3


def test_scores_are_probabilities() -> None:
    """From 0 to 1, also in a wild series."""
    dice = random.Random(4)
    wild = [dice.choice((0.0, 1e12, -1e12, dice.gauss(0, 1))) for _ in range(2000)]
    assert all(0.0 <= verdict.score <= 1.0 for verdict in verdicts(wild))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("law", ["gauss", "lognormal", "autocorrelated", "daily"])
def test_a_score_is_a_tail_probability_on_the_safe_side(law: str, seed: int) -> None:
    """Of a quiet series' points no more than a tenth score 0.9, a hundredth 0.99, and three thousandths 0.999."""
    dice, wander, values = random.Random(seed), 0.0, []
    for i in range(4000):
        wander = 0.9 * wander + dice.gauss(0, 1)
        day = 20 * math.sin(i * math.tau / 288)
        values.append(
            {
                "gauss": dice.gauss(50, 5),
                "lognormal": dice.lognormvariate(3, 0.7),
                "autocorrelated": wander,
                "daily": day + dice.gauss(0, 1),
            }[law]
        )
    scores = [verdict.score for verdict in verdicts(values)]
    for level, most in ((0.9, 0.1), (0.99, 0.01), (0.999, 0.003)):
        assert sum(score >= level for score in scores) / len(scores) <= most
