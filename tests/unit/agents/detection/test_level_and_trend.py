"""The fading moments: those of river, in plain arithmetic."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.stats import Cov, Var

from agents.series.level import Level
from agents.series.trend import Trend

VALUES = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0.01, 1.0)), min_size=1, max_size=40)


@given(VALUES, st.floats(0.5, 1.0))
def test_a_level_is_rivers_variance_with_discounted_weights(values: list[tuple[float, float]], decay: float) -> None:
    """Mean and variance agree to rounding, whatever the weights."""
    level = Level()
    for value, weight in values:
        river = Var._from_state(level.n * decay, level.mean, level.variance, ddof=0)
        river.update(value, weight)
        level = level.learned(value, decay, weight)
        assert level.n == pytest.approx(river.mean.n)
        assert level.mean == pytest.approx(river.mean.get(), rel=1e-9, abs=1e-6)
        assert level.variance == pytest.approx(river.get(), rel=1e-6, abs=1e-3)


def test_a_trend_is_rivers_covariance_over_its_variance() -> None:
    """Step by step, on a noisy line that bends."""
    dice, trend = random.Random(1), Trend()
    for at in range(200):
        value = abs(at - 100) * 0.5 + dice.gauss(0, 1)
        kept = trend.n * 0.95
        time = Var._from_state(kept, trend.mean_s, trend.variance_s, ddof=0)
        together = Cov._from_state(kept, trend.mean_s, trend.mean_value, trend.covariance, ddof=0)
        time.update(float(at))
        together.update(float(at), value)
        trend = trend.learned(float(at), value, 0.95)
        assert math.isclose(trend.variance_s, time.get(), rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(trend.covariance, together.get(), rel_tol=1e-9, abs_tol=1e-9)
    assert 0.4 < trend.per_s < 0.6
