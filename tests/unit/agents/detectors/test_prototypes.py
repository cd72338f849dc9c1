"""The bounded memories of what was seen."""

import random

from hypothesis import given
from hypothesis import strategies as st

from agents.detectors.prototypes import Prototypes, PrototypesOnLine

PLACES = st.lists(st.floats(-1e6, 1e6), max_size=60)


def test_what_was_seen_is_near_and_what_was_not_is_as_far_as_it_is() -> None:
    """The first place founds a prototype; its likes are at no distance."""
    line = PrototypesOnLine(capacity=8, vigilance=0.5)
    assert [line.distance(10.0, 2.0), line.distance(10.0, 2.0), line.distance(14.0, 2.0)] == [0.0, 0.0, 2.0]


def test_the_category_that_was_not_met_for_longest_makes_room() -> None:
    """Of three places in a memory for two, the first is forgotten, and new when it comes back."""
    line = PrototypesOnLine(capacity=2, vigilance=0.5)
    for place in (0.0, 10.0, 10.0, 20.0):
        line.distance(place, 1.0)
    assert line.distance(0.0, 1.0) == 10.0


@given(PLACES)
def test_bisection_finds_what_a_search_of_all_finds(places: list[float]) -> None:
    """The line and the space agree on points of a line, but for the mean over three dimensions."""
    line, space = PrototypesOnLine(16, 0.5), Prototypes(16, 0.5 / 3**0.5)
    for place in places:
        on_line, in_space = line.distance(place, 1.0), space.distance(place, 0.0, 0.0, 1.0) * 3**0.5
        assert abs(on_line - in_space) <= 1e-6 * max(1.0, on_line)


def test_a_memory_is_bounded() -> None:
    """Ten thousand different places do not make it larger than its capacity."""
    line, space, dice = PrototypesOnLine(16, 0.0), Prototypes(16, 0.0), random.Random(1)
    for _ in range(10_000):
        line.distance(dice.random(), 1.0)
        space.distance(dice.random(), dice.random(), 0.0, 1.0)
    assert len(line) == len(space) == 16
