"""Steps between levels that are unlikely, and levels that are new at their time of day."""

import pytest

from agents.detectors.daytime import Daytime
from agents.detectors.transitions import Transitions


def test_a_usual_level_reached_by_an_unusual_step_is_unlikely() -> None:
    """A staircase 0, 1, 2 that runs the other way meets no value it did not know."""
    steps = Transitions()
    usual = [steps.step(float(i % 3), 1.0, 1.0) for i in range(600)]
    assert usual[:41] == [None] * 41
    odd = [steps.step(float(-i % 3), 1.0, 1.0) for i in range(12)]
    assert max(found for found in odd if found is not None) > 10 * max(f for f in usual[300:] if f is not None)


@pytest.mark.parametrize("value", [1e30, -1e30])
def test_a_level_beyond_all_is_the_outermost(value: float) -> None:
    """No value is too large for the levels, and a sure step is 0, never less."""
    steps = Transitions()
    found = [steps.step(value, 0.0, 1e-9) for _ in range(66_000)]
    assert all(f is None or f >= 0.0 for f in found)


def test_a_noon_level_at_midnight_is_new_though_the_level_is_not() -> None:
    """Ten days of 0 at night and 10 at day; then 10 at night."""
    daytime = Daytime()
    found = [daytime.step(10.0 if 6 <= hour % 24 < 18 else 0.0, hour * 3600.0, 4.0) for hour in range(240)]
    assert found[:4] == [None] * 4
    assert max(f for f in found[48:] if f is not None) < 0.3
    night = daytime.step(10.0, 240 * 3600.0, 4.0)
    assert night is not None
    assert night > 0.8
