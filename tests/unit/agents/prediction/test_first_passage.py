"""When a noisy rise reaches a level: against simulation, and at the edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.prediction.first_passage import Rise, first_passage

FOREVER = 1e12


def simulated(rise: Rise, horizon_s: float, paths: int = 4000) -> tuple[float, float]:
    """Share and median time of paths that pass, in steps of half a second, drifts drawn anew for each path."""
    dice = np.random.default_rng(1)
    steps = int(horizon_s * 2)
    drifts = dice.normal(rise.drift, rise.drift_error, (paths, 1)) * 0.5
    motion = np.cumsum(drifts + dice.normal(0, math.sqrt(rise.diffusion * 0.5), (paths, steps)), axis=1)
    passed = motion >= rise.gap
    when = np.argmax(passed, axis=1)[passed.any(axis=1)] / 2
    return float(passed.any(axis=1).mean()), float(np.median(when))


@pytest.mark.parametrize(
    "rise",
    [
        Rise(gap=1.0, gap_error=0.0, drift=0.004, drift_error=0.0, diffusion=0.001, lasted_s=FOREVER),
        Rise(gap=1.0, gap_error=0.0, drift=0.004, drift_error=0.003, diffusion=0.0005, lasted_s=FOREVER),
        Rise(gap=1.0, gap_error=0.0, drift=0.0, drift_error=0.001, diffusion=0.002, lasted_s=FOREVER),
    ],
)
def test_the_closed_form_agrees_with_monte_carlo(rise: Rise) -> None:
    """Four thousand paths of a drifting Brownian motion, within what their number and steps allow."""
    probability, median_s = simulated(rise, 300)
    passage = first_passage(rise, 300)
    assert passage.probability == pytest.approx(probability, abs=0.04)
    assert passage.median_s == pytest.approx(median_s, rel=0.1)


def test_without_noise_it_is_certain_and_punctual() -> None:
    """One hundred seconds to go at a hundredth a second."""
    passage = first_passage(Rise(1.0, 0.0, 0.01, 0.0, 0.0, FOREVER), 1800)
    assert passage.probability == pytest.approx(1.0)
    assert passage.median_s == pytest.approx(100, rel=0.25)  # the grid's width there
    assert first_passage(Rise(1.0, 0.0, 0.01, 0.0, 0.0, FOREVER), 90).probability == 0.0


def test_what_is_past_the_level_has_breached() -> None:
    """Now, for certain."""
    assert first_passage(Rise(-0.1, 0.1, 0.0, 0.1, 0.1, 0.0), 1800) == first_passage(Rise(0, 0, 0, 0, 0, 0), 1)


def test_a_rise_of_a_moment_is_not_believed_for_half_an_hour() -> None:
    """What has lasted ten seconds may end; what has lasted ten minutes goes on."""
    young = first_passage(Rise(1.0, 0.0, 0.001, 0.0, 0.0, lasted_s=10), 1800).probability
    old = first_passage(Rise(1.0, 0.0, 0.001, 0.0, 0.0, lasted_s=600), 1800).probability
    assert young < 0.1
    assert old > 0.6


@given(
    *[st.floats(0, 1e6, allow_subnormal=False)] * 2,
    st.floats(-1e3, 1e3),
    *[st.floats(0, 1e6, allow_subnormal=False)] * 3,
)
def test_probabilities_are_probabilities(
    gap: float, gap_error: float, drift: float, drift_error: float, diffusion: float, lasted_s: float
) -> None:
    """Within 0 and 1, and the median within the horizon, whatever the numbers."""
    passage = first_passage(Rise(gap, gap_error, drift, drift_error, diffusion, lasted_s), 1800)
    assert 0.0 <= passage.probability <= 1.0
    assert passage.median_s is None or 0.0 <= passage.median_s <= 1800
