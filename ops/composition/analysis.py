"""The analysis app: detection, prediction, diagnosis."""

from ops.composition.analysis_stages import (
    fleet_stages,
    hearing_stages,
    incident_stages,
    series_stages,
    tenant_stages,
)  # fmt: skip
from ops.composition.decision_settings import basis_of
from ops.composition.surroundings import Surroundings, run_stage, run_stages
from streams.answers import AnswersNoted
from streams.running import Running

# A member's row has 3 kB, and every point changes it a little; what is foretold of it is half an hour ahead.
FLEET_HOLD_S = 5.0
# A tenant's row is up to 4 MB, and every alert that is heard changes it; people are to know of a group within seconds.
TENANT_HOLD_S = 1.0
# Of a partition. Names of pods make ever new series; one that is forgotten is learned anew should it come again. A row has 5 kB.
MOST_SERIES = 50_000


def compose(around: Surroundings) -> list[Running]:
    """Detection, prediction, diagnosis. What is decided by series needs no journal: one topic's order says it all."""
    answers = AnswersNoted()
    return [
        *(run_stage(around, stage, most=MOST_SERIES) for stage in series_stages(around.settings)),
        *(run_stage(around, stage, FLEET_HOLD_S, MOST_SERIES) for stage in fleet_stages()),
        *(run_stage(around, stage) for stage in hearing_stages()),
        *(run_stage(around, stage, TENANT_HOLD_S) for stage in tenant_stages()),
        *run_stages(around, incident_stages(around.settings, answers), basis_of(around.settings), answers),
    ]
