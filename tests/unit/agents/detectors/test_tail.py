"""Rarity by a series' own history."""

import random

from agents.detectors.tail import Tail


def test_the_first_statistic_is_no_surprise() -> None:
    """There is nothing to compare it with."""
    assert Tail().rarity(1e9) == 0.0


def test_rarity_is_the_share_of_greater_ones() -> None:
    """Of an exponential law, a value exceeded by one in a thousand has a rarity of about 3."""
    tail, dice = Tail(), random.Random(1)
    for _ in range(20_000):
        tail.rarity(dice.expovariate(1.0))
    assert abs(tail.rarity(6.9078) - 3.0) < 0.35


def test_beyond_all_that_was_seen_it_grows_with_the_distance() -> None:
    """A hundred times the largest is two orders of magnitude rarer than ten times it."""
    near, far = Tail(), Tail()
    for tail in (near, far):
        for value in range(1, 1000):
            tail.rarity(float(value))
    assert abs(far.rarity(99_900.0) - near.rarity(9_990.0) - 2.0) < 1e-9


def test_a_rare_occasion_is_rarer() -> None:
    """A statistic that only one in ten points has counts for ten."""
    often, seldom = Tail(), Tail()
    for value in range(1, 100):
        often.rarity(float(value))
        seldom.rarity(float(value), every=10)
    assert abs(seldom.rarity(50.0, every=10) - often.rarity(50.0) - 1.0) < 1e-9
