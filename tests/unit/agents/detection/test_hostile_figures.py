"""Figures that are no numbers, and crowds of keys: no state is poisoned, none grows with what others send."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from agents.detection.candidates_stage import CandidatesStage
from agents.detection.metrics_stage import MetricsStage
from agents.diagnosis.diagnosis_stage import DiagnosisStage
from agents.prediction.forecasts_stage import ForecastsStage
from agents.prediction.warnings_stage import WarningsStage
from schemas.convert import to_dict
from schemas.errors import DecodeError
from schemas.records.vocabulary import Severity
from streams.stage import Stage
from streams.topics import ANOMALIES, CANDIDATES, LOGS, METRICS, PREDICTIONS, SAMPLED, STORMS, Topic
from tests.support import episode, symptoms
from tests.support.signals import NOW, alert, anomaly, point, prediction, storm
from tests.support.stage_run import StageRun

NOT_NUMBERS = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("bad", NOT_NUMBERS)
@pytest.mark.parametrize(
    ("stage", "topic", "record", "field"),
    [
        (CandidatesStage, ANOMALIES, anomaly(), "score"),
        (CandidatesStage, ANOMALIES, anomaly(), "value"),
        (CandidatesStage, STORMS, storm(), "rate_per_s"),
        (WarningsStage, PREDICTIONS, prediction(), "probability"),
        (WarningsStage, PREDICTIONS, prediction(), "breach_in_s"),
        (DiagnosisStage, CANDIDATES, episode.candidate().record, "confidence"),
    ],
)
def test_a_record_with_a_figure_that_is_no_number_is_a_dead_letter(
    stage: type[Stage[Any]], topic: Topic, record: Any, field: str, bad: float
) -> None:
    """Kept in a state it would be lost when that is stored, and every later record of the key with it."""
    run = StageRun(stage())
    run.take(topic, record, NOW)
    before = dict(run.states)
    with pytest.raises(DecodeError) as refused:
        run.take(topic, replace(record, **{field: bad}), NOW + 1)
    assert refused.value.reason == "not_finite"
    assert run.states == before


@pytest.mark.parametrize("bad", [*NOT_NUMBERS, 1e308])
def test_forecasts_pass_over_what_stage_metrics_refuses(bad: float) -> None:
    """One dead letter a record is enough."""
    assert StageRun(ForecastsStage()).take(METRICS, point(bad), NOW) == []


@pytest.mark.parametrize("stage", [CandidatesStage, DiagnosisStage])
def test_an_anomaly_of_the_greatest_numbers_harms_nothing(stage: type[Stage[Any]]) -> None:
    """Their triples and sums may overflow; what is kept and told must not."""
    run = StageRun(stage())
    for nth in range(9):
        figures = {"value": 1e308, "expected": -1e308, "trend_per_min": 1e308, "score": 1e308}
        run.take(ANOMALIES, anomaly("request_rate", NOW + nth * 5000, **figures), NOW + nth * 5000)
    run.take(SAMPLED, alert(at=NOW + 50_000, severity=Severity.CRITICAL), NOW + 50_000)
    run.tick(NOW + 60_000)
    assert run.states
    for output in run.outputs:
        assert json.dumps(to_dict(output.record), allow_nan=False)


# At 100,000 series or incidents a worker these are 100 to 150 MB, and stages themselves hold nothing by key.
@pytest.mark.parametrize(
    ("stage", "topic", "records", "most_bytes"),
    [
        (MetricsStage, METRICS, [point(0.3 + n / 7e3, NOW + n * 1000) for n in range(100)], 12_000),
        (ForecastsStage, METRICS, [point(0.3 + n / 7e3, NOW + n * 1000) for n in range(100)], 1_800),
        (CandidatesStage, SAMPLED, [alert(at=NOW + n) for n in range(100)], 1_500),
        (DiagnosisStage, SAMPLED, [alert(at=NOW + n) for n in range(100)], 600),
        (DiagnosisStage, LOGS, [symptoms.line(f"heap at {n} %", at=NOW + n) for n in range(100)], 900),
    ],
)
def test_one_of_a_hundred_thousand_keys_has_a_small_state(
    stage: type[Stage[Any]], topic: Topic, records: list[Any], most_bytes: int
) -> None:
    """However often it is heard of."""
    run = StageRun(stage())
    for record in records:
        run.take(topic, record, record.occurred_at)
    (row,) = run.states.values()
    assert len(row) < most_bytes
    assert json.loads(row)
    assert len(vars(run.stage)) <= 2


def test_the_view_of_other_incidents_is_bounded() -> None:
    """Thirty thousand services with an anomaly each: the ten thousand heard of last are remembered."""
    stage = DiagnosisStage()
    run = StageRun(stage)
    for nth in range(30_000):
        received = run.place(ANOMALIES, anomaly(service=f"s{nth}"), NOW)
        stage.observe(received)
    assert stage.neighbourhood.services == 10_000
