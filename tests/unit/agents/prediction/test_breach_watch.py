"""Early warning of breaches, learned from what became of earlier values."""

import math
import random

from agents.prediction.breach_features import FEATURES, BreachFeatures
from agents.prediction.breach_watch import NOTHING, BreachFleet, SeriesBreaches
from agents.prediction.calibration import Calibration

LEVEL, HORIZON = 80.0, 6


def climbers(count: int, points: int, seed: int = 1) -> list[list[float]]:
    """Series that idle at 20, and now and then climb for an hour, over the level and back."""
    dice, found = random.Random(seed), []
    for _ in range(count):
        values: list[float] = []
        while len(values) < points:
            values += [dice.gauss(20, 2) for _ in range(dice.randrange(30, 90))]
            values += [20 + 6 * i + dice.gauss(0, 1) for i in range(13)]
        found.append(values[:points])
    return found


def told(series: list[list[float]]) -> tuple[BreachFleet, list[list[float]], list[list[bool]]]:
    """The fleet at the end, and what it said of each value."""
    fleet, memories = BreachFleet(LEVEL, HORIZON), [SeriesBreaches() for _ in series]
    said = [[fleet.step(memories[k], series[k][t]) for k in range(len(series))] for t in range(len(series[0]))]
    columns = list(zip(*said, strict=True))
    return fleet, [[one.probability for one in c] for c in columns], [[one.warned for one in c] for c in columns]


def test_climbs_are_learned_to_end_over_the_level() -> None:
    """In the last third of the stream most breaches are foretold, and most quiet values are not warned of."""
    series = climbers(12, 600)
    _, _, warned = told(series)
    breaches = foreseen = quiet = false = 0
    for values, warnings in zip(series, warned, strict=True):
        for t in range(400, 600):
            if values[t] >= LEVEL and max(values[t - HORIZON : t]) < LEVEL:
                breaches += 1
                foreseen += any(warnings[t - HORIZON : t])
            if max(values[t - 5 : t + 7], default=0) < 30:
                quiet += 1
                false += warnings[t]
    assert breaches > 20
    assert foreseen > 0.9 * breaches
    assert false < 0.02 * quiet


def test_probabilities_come_true_as_often_as_they_say() -> None:
    """The expected calibration error, from the first value on, is below 0.05; the Brier score beats the base rate's."""
    series = climbers(12, 600, seed=2)
    fleet, _, _ = told(series)
    share = sum(v >= LEVEL for values in series for v in values) / sum(map(len, series))
    assert fleet.calibration.verified > 6_000
    assert fleet.calibration.expected_error < 0.05
    assert fleet.calibration.brier < share


def test_nothing_is_known_of_the_future() -> None:
    """What comes later changes nothing that was said."""
    series = climbers(4, 250)
    shorter = told([values[:200] for values in series])
    assert shorter[1] == [line[:200] for line in told(series)[1]]


def test_a_value_over_the_level_is_not_warned_of() -> None:
    """It is the breach."""
    series = climbers(8, 300)
    _, _, warned = told(series)
    assert not any(
        w for line, said in zip(series, warned, strict=True) for v, w in zip(line, said, strict=True) if v >= LEVEL
    )


def test_a_gap_is_foretold_nothing_and_poisons_nothing() -> None:
    """NaN and infinities in one series leave the others' probabilities finite."""
    fleet, bad, good = BreachFleet(LEVEL, HORIZON), SeriesBreaches(), SeriesBreaches()
    for t in range(100):
        assert fleet.step(bad, (math.nan, math.inf, -math.inf)[t % 3]) == NOTHING
        assert 0.0 <= fleet.step(good, float(t)).probability <= 1.0


def test_the_features_are_as_many_as_they_say_from_the_first_value_on() -> None:
    """And finite, also of huge and negative values."""
    past = BreachFeatures()
    for value in (0.0, -5.0, 1e12, 0.3, 1.0):
        found = past.step(value)
        assert len(found) == FEATURES
        assert all(map(math.isfinite, found))


def test_calibration_is_the_mean_distance_over_the_bins() -> None:
    """Ten times 0.9 of which half came: 0.4; ten times 0.1 of which one came: 0."""
    tally = Calibration()
    for i in range(10):
        tally.learn(0.95, i < 5)
        tally.learn(0.15, i < 1)
    assert abs(tally.expected_error - (0.45 + 0.05) / 2) < 1e-9
