"""Predictions held against what their series did."""

from typing import Any

import pytest

from ops.api.predictions_seen import PredictionsSeen
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from schemas.samples import sample

NOW = 1_700_000_000_000


@pytest.fixture
def seen() -> PredictionsSeen:
    return PredictionsSeen(threshold=0.6)


def prediction(after_s: float = 0, probability: float = 0.9, **changes: Any) -> Prediction:
    """At 0.7 of a limit of 0.95, which is to be reached within ten minutes."""
    fields = {
        "series": "s", "level": 0.95, "value": 0.7, "from_s": 0, "to_s": 600, "breach_in_s": 100.0,
        "occurred_at": NOW + int(after_s * 1000), "probability": probability, "outcome": "",
    }  # fmt: skip
    return sample(Prediction, **{**fields, **changes})


def point(after_s: float, value: float, series: str = "s") -> MetricPoint:
    """A value so long after the first prediction."""
    return sample(MetricPoint, series=series, value=value, occurred_at=NOW + int(after_s * 1000))


def outcomes(seen: PredictionsSeen, after_s: float) -> list[str]:
    """How those that are settled turned out, the newest first."""
    return [one["outcome"] for one in seen.view(NOW + int(after_s * 1000))["settled"]]


def test_what_is_about_to_breach_is_told_with_when_and_how_sure(seen: PredictionsSeen) -> None:
    """By the newest word on the series, the likeliest first."""
    seen.prediction(prediction())
    seen.prediction(prediction(10, 0.95))
    seen.prediction(prediction(10, 0.97, series="t"))
    seen.point(point(12, 0.8))
    found = seen.view(NOW + 12_000)["standing"]
    assert [(one["series"], one["probability"]) for one in found] == [("t", 0.97), ("s", 0.95)]
    assert (found[1]["value_now"], found[1]["breach_at"]) == (0.8, NOW + 110_000)


def test_a_value_at_the_level_makes_it_come_true(seen: PredictionsSeen) -> None:
    """Once, counted from the first warning; what comes later is another."""
    seen.prediction(prediction())
    seen.prediction(prediction(20, 0.99))
    for at_s, value in ((30, 0.9), (40, 0.95), (41, 0.96)):
        seen.point(point(at_s, value))
    found = seen.view(NOW + 42_000)
    assert (outcomes(seen, 42), found["settled"][0]["breached_after_s"], found["standing"]) == (["true"], 40.0, [])
    assert found["counts"] == {"true": 1, "false": 0, "averted": 0, "unknown": 0}


def test_a_time_that_passes_without_a_breach_makes_it_false(seen: PredictionsSeen) -> None:
    """If the series was heard until then; else nobody knows."""
    seen.prediction(prediction())
    seen.prediction(prediction(series="silent"))
    for at_s in range(0, 600, 30):
        seen.point(point(at_s, 0.8))
    assert outcomes(seen, 600) == []
    assert sorted(outcomes(seen, 601)) == ["false", "unknown"]


def test_odds_that_fell_take_it_back(seen: PredictionsSeen) -> None:
    """A remedy averted it, or it passed by itself; without a warning there is nothing to take back."""
    seen.prediction(prediction(probability=0.2, series="never foretold"))
    seen.prediction(prediction())
    seen.prediction(prediction(30, 0.3))
    assert outcomes(seen, 31) == ["averted"]


def test_only_points_of_foretold_series_are_asked_for(seen: PredictionsSeen) -> None:
    """All others are not even decoded."""
    assert not seen.awaits("s")
    seen.prediction(prediction())
    assert seen.awaits("s")
    seen.point(point(-1, 0.99))
    assert outcomes(seen, 1) == []


def test_an_outcome_is_no_prediction(seen: PredictionsSeen) -> None:
    """The stage's own word on what became of one begins none."""
    seen.prediction(prediction(outcome="false"))
    assert seen.view(NOW)["standing"] == []
