"""What is recorded of the settings is all that a decision is made by."""

from typing import Any, cast

from agents.resolution.targets import TargetsFile
from ops.composition.analysis_stages import incident_stages, series_stages
from ops.composition.command_stages import command_stages
from ops.composition.decision_settings import NAMES, as_recorded, recorded
from ops.composition.edge import sampling_rules
from ops.settings import Settings
from streams.answers import AnswersNoted


class NotingSettings:
    """Settings that remember which of them were asked for."""

    def __init__(self) -> None:
        self._settings, self.asked = Settings.model_construct(), set[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return getattr(self._settings, name)


def test_every_setting_that_a_stage_reads_is_recorded() -> None:
    """One that is not would have its default in a re-execution, and another decision would come out."""
    noting = NotingSettings()
    settings, targets = cast(Settings, noting), TargetsFile(Settings.model_construct().targets)
    series_stages(settings)
    incident_stages(settings, AnswersNoted())
    command_stages(settings, targets, AnswersNoted())
    sampling_rules(settings, 4)
    assert noting.asked - set(NAMES) == set()
    assert len(noting.asked) > 20


def test_settings_come_back_as_they_were_recorded() -> None:
    """None of them by its default."""
    changed = Settings.model_construct(approval_s=60, confidence_gate=0.9, partitions=7)
    again = as_recorded(recorded(changed))
    assert (again.approval_s, again.confidence_gate, again.partitions) == (60, 0.9, 7)
