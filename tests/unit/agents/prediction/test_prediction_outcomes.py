"""What became of predictions."""

from collections import Counter
from itertools import pairwise
from statistics import median

import pytest

from agents.prediction.forecasts_stage import MODEL, ForecastsStage
from agents.prediction.outcomes import is_ahead
from agents.prediction.verification import Outcome, Verification
from agents.prediction.warnings_stage import WarningsStage
from ops.prediction_scores import scores_of
from schemas.records.analysis import Prediction
from streams.topics import METRICS, PREDICTIONS
from tests.support.signals import NOW, points, prediction
from tests.support.slow_breaches import scores
from tests.support.stage_run import StageRun

HORIZON = 1_800_000
MINUTE = 60_000


def published(values: list[float], step_ms: int = 1000) -> list[Prediction]:
    """All that the stage publishes of a series."""
    run = StageRun(ForecastsStage())
    return [made for p in points(values, step_ms=step_ms) for made in run.take(METRICS, p, p.occurred_at)]


def told(values: list[float], step_ms: int = 1000) -> list[Prediction]:
    """The predictions, and what became of them within their own horizon."""
    return [made for made in published(values, step_ms) if not is_ahead(made)]


def leak() -> list[float]:
    """A minute of calm, then two in which it fills up: a point a second."""
    return [0.3 + 0.0005 * (i % 3) + max(0, i - 60) * 0.005 for i in range(200)]


def test_a_breach_within_the_horizon_makes_a_prediction_a_hit() -> None:
    """It names the prediction, how long before it was said, and how far off the probability was."""
    made = told(leak())
    outcome = next(p for p in made if p.outcome)
    first = next(p for p in made if not p.outcome and p.probability >= 0.6)
    assert (outcome.outcome, outcome.of, outcome.made_at) == ("hit", first.prediction_id, first.occurred_at)
    assert outcome.breach_in_s == (outcome.occurred_at - first.occurred_at) / 1000 > 30
    assert outcome.squared_error == pytest.approx((1 - first.probability) ** 2)
    assert sum(bool(p.outcome) for p in made) == 1


def test_a_rise_that_ends_makes_it_false_though_it_was_taken_back() -> None:
    """It was said, so it is judged, when its horizon is over."""
    values = [*(0.3 + 0.0005 * (i % 3) + max(0, i - 60) * 0.004 for i in range(160)), *[0.3, 0.301] * 1000]
    outcomes = [p for p in told(values) if p.outcome]
    assert [p.outcome for p in outcomes] == ["false"]
    assert outcomes[0].occurred_at - outcomes[0].made_at > HORIZON
    assert outcomes[0].breach_in_s is None


def test_odds_of_every_horizon_that_came_to_nothing_are_false_once() -> None:
    """Of a series that was never at its level: each verdict ends what stood, also where nothing else is remembered."""
    values = [*(0.3 + 0.0005 * (i % 3) + max(0, i - 60) * 0.004 for i in range(205)), *[0.3, 0.301] * 400]
    outcomes = Counter((p.model, p.of) for p in published(values, 60_000) if p.outcome)
    assert {model for model, _ in outcomes} == {MODEL, f"{MODEL}, 15 min ahead", f"{MODEL}, 90 min ahead"}
    assert set(outcomes.values()) == {1}


def test_a_breach_out_of_nothing_is_a_miss() -> None:
    """With the odds that were given to it just before; and it is one breach, however long it lasts."""
    outcomes = [p for p in told([*[0.5, 0.502] * 40, *[0.95] * 300]) if p.outcome]
    assert [(p.outcome, p.of, p.squared_error) for p in outcomes] == [("miss", "", 1.0)]


def test_a_breach_after_the_horizon_is_a_false_prediction_and_a_miss() -> None:
    """One value decides both."""
    seen = Verification().foretold(0.1).made("p", 0.7, NOW, HORIZON)
    seen, first = seen.judged(NOW + HORIZON + 1, True, HORIZON)
    seen, second = seen.judged(NOW + HORIZON + 1, True, HORIZON)
    assert first is not None
    assert second is not None
    assert (first.outcome, second.outcome) == (Outcome.FALSE, Outcome.MISS)
    assert second.squared_error == pytest.approx(0.81)
    assert seen.judged(NOW + HORIZON + 1, True, HORIZON)[1] is None


def test_while_a_breach_is_on_nothing_is_foretold_of_it() -> None:
    """A series that flaps about its level is foretold once."""
    seen, _ = Verification().judged(NOW, True, HORIZON)
    assert seen.made("p", 0.9, NOW + MINUTE, HORIZON).standing is None
    assert seen.made("p", 0.9, NOW + HORIZON + 1, HORIZON).standing is not None


def test_an_outcome_foretells_nothing() -> None:
    """The vote of prediction does not change by it."""
    run = StageRun(WarningsStage())
    assert run.stage.key(run.place(PREDICTIONS, prediction(0.9, outcome="hit", of="p"), NOW)) is None


def test_predictions_are_counted_by_model_and_once() -> None:
    """What a crash published again is one record."""
    hit = prediction(0.8, NOW + MINUTE, outcome="hit", of="p", squared_error=0.04, breach_in_s=600.0)
    records = [
        prediction(0.8), hit, hit,
        prediction(0.7, NOW + 2 * MINUTE, outcome="false", of="q", squared_error=0.49),
        prediction(0.1, NOW + 3 * MINUTE, outcome="miss", squared_error=0.81),
    ]  # fmt: skip
    found = scores_of(records)["a line"].document()
    assert (found["made"], found["hit"], found["false"], found["miss"]) == (1, 1, 1, 1)
    assert (found["right"], found["foreseen"], found["median_lead_s"]) == (0.5, 0.5, 600.0)
    assert found["brier"] == pytest.approx((0.04 + 0.49 + 0.81) / 3)
    assert scores_of(records, since=NOW + 2 * MINUTE)["a line"].made == 0


def test_slow_breaches_are_foretold_a_quarter_of_an_hour_before() -> None:
    """Leaks, disks that fill, seasonal peaks: of the predictions 80 % are right, at a median of 15 minutes before."""
    found = scores(each=6, seed=5000)
    assert found.right >= 0.8
    assert found.foreseen >= 0.8
    assert median(found.leads_s) >= 900
    assert sum(found.outcomes["near_miss"].values()) <= 1


def test_each_prediction_has_one_outcome() -> None:
    """Of a leak, a restart and another leak."""
    made = told([*leak(), *[0.3, 0.301] * 1200, *leak()])
    ids = Counter(p.of for p in made if p.outcome and p.of)
    assert ids
    assert set(ids.values()) == {1}
    assert all(b.occurred_at >= a.occurred_at for a, b in pairwise(made))


def test_the_odds_for_15_and_90_minutes_are_judged_by_their_own_horizons() -> None:
    """Of a rise that goes on: each named after its horizon, of a prediction that gave these odds, within that time."""
    made = published(leak())
    by_id = {p.prediction_id: p for p in made if not p.outcome}
    aside = {p.model: p for p in made if is_ahead(p)}
    assert set(aside) == {f"{MODEL}, 15 min ahead", f"{MODEL}, 90 min ahead"}
    for outcome in aside.values():
        said = by_id[outcome.of].odds[str(outcome.to_s)]
        assert (outcome.outcome, outcome.probability) == ("hit", said)
        assert outcome.squared_error == pytest.approx((1 - said) ** 2)
        assert outcome.breach_in_s is not None
        assert 0 < outcome.breach_in_s <= outcome.to_s


def test_a_breach_after_an_hour_is_false_within_30_minutes_and_a_hit_within_90() -> None:
    """The same prediction comes to another end for each horizon."""
    slowed = [*(0.4 + 0.0005 * (i % 3) + max(0, i - 60) * 0.004 for i in range(170)), *[0.84, 0.841] * 30, *[0.95] * 9]
    outcomes = {p.model: p.outcome for p in published(slowed, 60_000) if p.of}
    assert outcomes[MODEL] == "false"
    assert outcomes[f"{MODEL}, 90 min ahead"] == "hit"


def test_a_breach_out_of_nothing_is_a_miss_of_every_horizon() -> None:
    """By the odds of each horizon as they were just before; once, however long it lasts."""
    outcomes = [p for p in published([*[0.5, 0.502] * 40, *[0.95] * 300]) if p.outcome]
    assert [(p.outcome, p.to_s) for p in outcomes] == [("miss", 1800), ("miss", 900), ("miss", 5400)]


def test_each_horizon_has_its_own_scores() -> None:
    """How many predictions gave its odds, and what became of those."""
    found = scores_of(published(leak()))
    assert set(found) == {MODEL, f"{MODEL}, 15 min ahead", f"{MODEL}, 90 min ahead"}
    assert len({scores.made for scores in found.values()}) == 1
    assert all(scores.outcomes[Outcome.HIT] == 1 for scores in found.values())


def test_what_an_earlier_version_remembered_is_read() -> None:
    """It knows no other horizons yet; they begin with the next prediction."""
    stage = ForecastsStage()
    fields = stage.dump(stage.initial(""))
    del fields["ahead"]
    assert stage.load(fields) == stage.initial("")
