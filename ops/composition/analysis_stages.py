"""The pure stages of the analysis app, by settings: for its worker, and for those who make its decisions again."""

from typing import Any

from agents.detection.candidates_stage import CandidateRules, CandidatesStage
from agents.detection.metrics_stage import MetricRules, MetricsStage
from agents.diagnosis.asked_neighbourhood import AskedNeighbourhood
from agents.diagnosis.diagnosis_stage import DiagnosisStage
from agents.grouping.grouping_stage import GroupingStage
from agents.grouping.hearings_stage import HearingsStage
from agents.prediction.breaches_stage import BreachesStage
from agents.prediction.forecasts_stage import ForecastRules, ForecastsStage
from agents.prediction.warnings_stage import WarningRules, WarningsStage
from ops.settings import Settings
from streams.answers import Answers
from streams.stage import SharingStage, Stage


def series_stages(settings: Settings) -> list[Stage[Any]]:
    """Those that take one topic by series, and no time: its order alone says what they decide."""
    return [
        MetricsStage(MetricRules(threshold=settings.anomaly_threshold)),
        ForecastsStage(ForecastRules(threshold=settings.prediction_threshold)),
    ]


def fleet_stages() -> list[SharingStage[Any]]:
    """Those whose series teach one another: one incident's points do not suffice to make their decisions again."""
    return [BreachesStage()]


def hearing_stages() -> list[Stage[Any]]:
    """Those that hand a tenant's alerts on to where they are heard together; their order alone says what."""
    return [HearingsStage()]


def tenant_stages() -> list[Stage[Any]]:
    """Those that take alerts of all a tenant's services: one incident's alerts do not suffice to make their decisions again."""
    return [GroupingStage()]


def incident_stages(settings: Settings, answers: Answers) -> list[Stage[Any]]:
    """Those that take several topics by incident; diagnosis asks through `answers` what others suffer."""
    return [
        CandidatesStage(
            CandidateRules(anomaly_threshold=settings.anomaly_threshold, quiet_s=settings.incident_quiet_s)
        ),
        WarningsStage(WarningRules(threshold=settings.prediction_threshold)),
        DiagnosisStage(neighbourhood=AskedNeighbourhood(answers)),
    ]
