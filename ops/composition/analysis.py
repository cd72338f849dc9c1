"""The analysis app: detection, prediction, diagnosis."""

from typing import Any

from agents.detection.candidates_stage import CandidateRules, CandidatesStage
from agents.detection.metrics_stage import MetricRules, MetricsStage
from agents.diagnosis.diagnosis_stage import DiagnosisStage
from agents.prediction.forecasts_stage import ForecastRules, ForecastsStage
from agents.prediction.warnings_stage import WarningRules, WarningsStage
from ops.composition.surroundings import Surroundings, run_stage
from streams.running import Running
from streams.stage import Stage


def compose(around: Surroundings) -> list[Running]:
    """Detection, prediction, diagnosis."""
    settings = around.settings
    stages: list[Stage[Any]] = [
        MetricsStage(MetricRules(threshold=settings.anomaly_threshold)),
        CandidatesStage(
            CandidateRules(anomaly_threshold=settings.anomaly_threshold, quiet_s=settings.incident_quiet_s)
        ),
        ForecastsStage(ForecastRules(threshold=settings.prediction_threshold)),
        WarningsStage(WarningRules(threshold=settings.prediction_threshold)),
        DiagnosisStage(),
    ]
    return [run_stage(around, stage) for stage in stages]
