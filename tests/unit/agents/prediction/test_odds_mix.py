"""Several models' odds made one: it sides with the better, and says no more than comes true."""

import random

import pytest

from agents.prediction.breach_features import FEATURES, HOUR, NEAR, SHARE
from agents.prediction.breach_table import BreachTable
from agents.prediction.odds_mix import OddsMix, log_odds


def test_before_any_outcome_the_first_model_speaks_alone() -> None:
    """Whatever the others say."""
    assert OddsMix().probability((log_odds(0.3), 5.0, -5.0)) == pytest.approx(0.3)


def test_a_model_that_is_too_sure_is_corrected() -> None:
    """It says 97 % and 3 % where 80 % and 3 % come true: after some hundred outcomes so does the mix."""
    mix, dice = OddsMix(), random.Random(1)
    for _ in range(3000):
        high = dice.random() < 0.3
        said = log_odds(0.97 if high else 0.03)
        mix.learn((said, said, 0.0), dice.random() < (0.8 if high else 0.03))
    sure, quiet = log_odds(0.97), log_odds(0.03)
    assert mix.probability((sure, sure, 0.0)) == pytest.approx(0.8, abs=0.05)
    assert mix.probability((quiet, quiet, 0.0)) == pytest.approx(0.03, abs=0.015)


def test_the_better_model_by_outcomes_gets_the_word() -> None:
    """The first model knows nothing, the third everything; later they change places, and the mix follows."""
    mix, dice = OddsMix(), random.Random(2)
    for _ in range(2000):
        came = dice.random() < 0.3
        mix.learn((dice.gauss(0, 1), 0.0, 2.0 if came else -2.0), came)
    assert mix.probability((0.0, 0.0, 2.0)) > 0.9
    assert mix.probability((2.0, 0.0, -2.0)) < 0.1


def test_a_mix_and_a_table_go_on_from_their_figures_as_if_never_put_away() -> None:
    """Exactly; figures of another size are refused."""
    mix, again, table, restored = OddsMix(), OddsMix(), BreachTable(), BreachTable()
    dice, features = random.Random(3), [0.5] * FEATURES
    for _ in range(50):
        features[SHARE], came = dice.random(), dice.random() < 0.5
        mix.learn((features[SHARE], 0.1, -1.0), came)
        table.learn(features, came)
    again.restore(mix.figures())
    restored.restore(table.figures())
    assert again.probability((1.0, 2.0, 3.0)) == mix.probability((1.0, 2.0, 3.0))
    assert restored.probability(features) == table.probability(features)
    with pytest.raises(ValueError, match="size"):
        BreachTable().restore([[0.0], [0.0], 1.0, 0.0])
    with pytest.raises(ValueError, match="models"):
        OddsMix().restore([[1.0], [[1.0]]])


def test_a_table_counts_what_came_of_values_alike() -> None:
    """A cell that was seen is near its share, one that was not is at the fleet's."""
    table, seen, other = BreachTable(), [0.0] * FEATURES, [0.0] * FEATURES
    seen[SHARE], seen[HOUR], seen[NEAR] = 0.8, 0.9, -2.0
    for i in range(200):
        table.learn(seen, i % 2 == 0)
        table.learn(other, False)
    assert table.probability(seen) == pytest.approx(0.5, abs=0.03)
    assert table.probability(other) < 0.01


@pytest.mark.parametrize("value", [-1e300, -1.0, 0.0, 1e300])
def test_no_value_falls_outside_the_table(value: float) -> None:
    """Huge and negative ones fall in its last and first cells."""
    table = BreachTable()
    table.learn([value] * FEATURES, True)
    assert 0.0 < table.probability([value] * FEATURES) < 1.0
