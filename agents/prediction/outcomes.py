"""What became of a prediction, as the record that tells of it."""

from agents.prediction.verification import Outcome, Verdict
from schemas.identity import stable_id
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from streams.stage import Output, Position
from streams.topics import PREDICTIONS

FLEET = "fleet, logistic"  # the model that all series of a fleet share


def about(point: MetricPoint, model: str) -> str:
    """What a prediction is filed under: the incident; a fleet's by its series, as it rests on other services' points too."""
    return stable_id("fleet", point.series) if model == FLEET else point.incident_id


def ahead_model(model: str, horizon_s: int) -> str:
    """The name under which a model's odds for another horizon than its own are verified.

    >>> ahead_model("a line", 900)
    'a line, 15 min ahead'
    """
    return f"{model}, {horizon_s / 60:g} min ahead"


def is_ahead(record: Prediction) -> bool:
    """Whether it is the outcome of the odds for another horizon than the prediction's own."""
    return bool(record.outcome) and str(record.to_s) in record.odds


def outcome_of(
    verdict: Verdict, point: MetricPoint, position: Position, *, level: float, horizon_s: int, model: str, number: int,
    ahead: bool = False,
) -> Output:  # fmt: skip
    """The record of a verdict that `point`, at `position`, brought; the `number`-th of that point by this model.

    `ahead`: of the odds for another horizon than the prediction's own; the record has them in `odds`, the others have none.
    """
    lead_s = (point.occurred_at - verdict.made_at) / 1000
    false = verdict.outcome is Outcome.FALSE
    came = "not reached" if false else f"reached after {lead_s:.0f} s"
    summary = f"{verdict.outcome}: {level:g} was {came}, said {verdict.probability:.0%}"
    record = Prediction(
        prediction_id=position.derived_id(f"{model} verified", number), incident_id=about(point, model),
        tenant=point.tenant, environment=point.environment, service=point.service, series=point.series,
        metric=point.name, probability=verdict.probability, level=level, value=point.value, trend_per_min=0.0, from_s=0,
        to_s=horizon_s, breach_in_s=None if false else lead_s, model=model, occurred_at=point.occurred_at,
        evidence=[position.evidence(summary)], outcome=verdict.outcome.value, of=verdict.prediction_id,
        made_at=verdict.made_at, squared_error=verdict.squared_error,
        odds={str(horizon_s): verdict.probability} if ahead else {})  # fmt: skip
    return Output(PREDICTIONS, record.incident_id, record)
