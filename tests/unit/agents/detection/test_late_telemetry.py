"""A clear incident is decided on without a human whichever of its telemetry comes late, and however young its series are."""

import pytest

from schemas.records.vocabulary import Action, Millis
from tests.support.cascade_played import decided


@pytest.mark.parametrize("calm_s", [8, 14])
@pytest.mark.parametrize("late", [{}, {"metrics": 8000}, {"alerts.sampled": 8000}, {"metrics": 20_000, "logs": 20_000}])
def test_a_pool_that_ran_dry_is_mended_by_a_restart(calm_s: int, late: dict[str, Millis]) -> None:
    """What its absence took off the agents' confidence, telemetry gives back when it comes: the gate is passed in time."""
    found = decided(calm_s, late, seed=1)
    assert (found.action, found.autonomous) == (Action.RESTART, True)
    assert found.confidence >= 0.7
    assert found.after_s <= 30
