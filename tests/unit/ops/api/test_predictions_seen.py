"""What is foretold, and what became of it, by the prediction stages' own records."""

from typing import Any

import pytest

from ops.api.predictions_seen import PredictionsSeen
from schemas.records.analysis import Prediction
from schemas.samples import sample

NOW = 1_700_000_000_000


@pytest.fixture
def seen() -> PredictionsSeen:
    return PredictionsSeen(threshold=0.6)


def prediction(after_s: float = 0, probability: float = 0.9, **changes: Any) -> Prediction:
    """A breach within ten minutes, in about a hundred seconds."""
    fields = {
        "series": "s", "model": "m", "level": 0.95, "value": 0.7, "from_s": 0, "to_s": 600, "breach_in_s": 100.0,
        "occurred_at": NOW + int(after_s * 1000), "probability": probability, "outcome": "", "warned": False,
        "prediction_id": f"p-{after_s}-{probability}",
    }  # fmt: skip
    return sample(Prediction, **{**fields, **changes})


def standing(seen: PredictionsSeen, after_s: float = 0) -> list[tuple[str, float]]:
    """What is about to breach."""
    return [(one["series"], one["probability"]) for one in seen.view(NOW + int(after_s * 1000))["standing"]]


def test_what_is_about_to_breach_is_told_with_when_and_how_sure(seen: PredictionsSeen) -> None:
    """By the newest word on the series, the likeliest first."""
    for made in (prediction(), prediction(10, 0.95), prediction(10, 0.97, series="t")):
        seen.take(made)
    assert standing(seen, 12) == [("t", 0.97), ("s", 0.95)]
    assert seen.view(NOW)["standing"][1]["breach_at"] == NOW + 110_000


def test_odds_that_fell_take_it_back(seen: PredictionsSeen) -> None:
    """Of its series by its model, and only there."""
    for made in (prediction(), prediction(model="other"), prediction(30, 0.3)):
        seen.take(made)
    assert standing(seen) == [("s", 0.9)]


def test_a_models_own_bar_warns_whatever_the_probability(seen: PredictionsSeen) -> None:
    """A rare breach is worth a warning at small odds."""
    seen.take(prediction(probability=0.2, warned=True))
    assert standing(seen) == [("s", 0.2)]


def test_what_is_over_stands_no_more(seen: PredictionsSeen) -> None:
    """Also where its series fell silent."""
    seen.take(prediction())
    assert (len(standing(seen, 600)), len(standing(seen, 601))) == (1, 0)


@pytest.mark.parametrize("outcome", ["hit", "false", "miss"])
def test_outcomes_are_told_and_counted_once(seen: PredictionsSeen, outcome: str) -> None:
    """With how long it took; a record that is published again after a crash is the same."""
    told = prediction(40, outcome=outcome, breach_in_s=40.0, made_at=NOW)
    for made in (prediction(), told, told):
        seen.take(made)
    found = seen.view(NOW + 41_000)
    assert (found["counts"][outcome], sum(found["counts"].values()), found["standing"]) == (1, 1, [])
    assert [(one["outcome"], one["breached_after_s"]) for one in found["settled"]] == [(outcome, 40.0)]


def test_the_outcome_of_the_odds_for_another_horizon_settles_nothing(seen: PredictionsSeen) -> None:
    """The prediction stands until its own horizon is judged, and is counted once."""
    seen.take(prediction())
    seen.take(prediction(20, outcome="hit", to_s=900, odds={"900": 0.9}, model="m, 15 min ahead"))
    assert standing(seen, 30) == [("s", 0.9)]
    assert sum(seen.view(NOW)["counts"].values()) == 0
