"""What incidents cost: by tier, doubled in business hours, more with many users."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.communication.impact import business_minutes, cost, cost_per_minute, cost_saved
from schemas.records.vocabulary import Millis, Tier

HOUR = 3_600_000


def at(day: int, hour: int, minute: int = 0) -> Millis:
    """A time in November 2025, of which the 3rd is a Monday."""
    return int(datetime(2025, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(("tier", "rate"), [(Tier.CRITICAL, 10_000), (Tier.IMPORTANT, 1_000), (Tier.SUPPORTING, 100)])
def test_a_minute_costs_by_tier(tier: Tier, rate: float) -> None:
    """At night a minute costs the tier's rate, in business hours twice that."""
    assert cost(tier, at(3, 3), at(3, 3, 1)) == rate
    assert cost(tier, at(3, 12), at(3, 12, 1)) == 2 * rate
    assert cost_per_minute(tier, at(3, 12)) == 2 * rate
    assert cost_per_minute(tier, at(8, 12)) == rate  # a Saturday


def test_only_the_part_in_business_hours_is_doubled() -> None:
    """From 16:30 to 17:30 on a Monday: half an hour of both."""
    assert business_minutes(at(3, 16, 30), at(3, 17, 30)) == 30
    assert cost(Tier.SUPPORTING, at(3, 16, 30), at(3, 17, 30)) == 9_000


def test_a_week_has_forty_business_hours() -> None:
    """The weekend counts nothing."""
    assert business_minutes(at(1, 0), at(8, 0)) == 5 * 8 * 60


def test_users_count_once_they_are_many() -> None:
    """A thousand users add nothing, one more adds them all."""
    assert cost(Tier.SUPPORTING, at(1, 3), at(1, 3, 1), affected_users=1_000) == 100
    assert cost(Tier.SUPPORTING, at(1, 3), at(1, 3, 1), affected_users=1_001) == 1_101


def test_saved_is_what_a_human_would_have_taken_longer() -> None:
    """Two minutes instead of thirty save twenty-eight; an hour saves nothing."""
    assert cost_saved(Tier.IMPORTANT, at(3, 3), at(3, 3, 2), 1800) == 28_000
    assert cost_saved(Tier.IMPORTANT, at(3, 3), at(3, 4), 1800) == 0


@given(st.integers(at(1, 0), at(20, 0)), st.integers(0, 200 * HOUR), st.integers(0, 200 * HOUR))
def test_cost_adds_up(start: Millis, first: int, second: int) -> None:
    """The cost of a span is the sum of its parts, and never negative."""
    middle, end = start + first, start + first + second
    parts = cost(Tier.CRITICAL, start, middle) + cost(Tier.CRITICAL, middle, end)
    assert cost(Tier.CRITICAL, start, end) == pytest.approx(parts)
    assert cost(Tier.CRITICAL, end, start) == 0 or end == start


@given(start=st.integers(0, 60 * 24 * 21), length=st.integers(0, 60 * 24 * 60))
def test_two_months_cost_what_their_minutes_cost(start: int, length: int) -> None:
    """Weeks that are counted at once come to the same as day after day."""
    begin = at(1, 0) + start * 60_000
    cuts = [*range(begin, begin + length * 60_000, 24 * HOUR), begin + length * 60_000]
    by_day = sum(business_minutes(one, other) for one, other in pairwise(cuts))
    assert business_minutes(begin, begin + length * 60_000) == pytest.approx(by_day)
