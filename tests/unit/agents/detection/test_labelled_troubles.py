"""Detection against labelled incidents of every kind, with noise, missing senders, clocks that are off, and confusable symptoms.

These are twelve of each; `python -m tests.support.score_troubles --each 500` makes as many as one likes, of any seed.
"""

import pytest

from schemas.records.vocabulary import Classification
from tests.support.score_troubles import Scores, scores
from tests.support.troubles import SYMPTOMS, trouble

EACH = 12


@pytest.fixture(scope="module")
def found() -> Scores:
    """What is said of twelve incidents of each kind, and of fifty quiet days."""
    return scores(EACH, quiet_days=50, seed=7)


def test_the_kind_is_right(found: Scores) -> None:
    """95 of 100."""
    assert found.right >= 0.95, found.said


@pytest.mark.parametrize("kind", list(Classification))
def test_no_kind_is_neglected(found: Scores, kind: Classification) -> None:
    """Of each at most two are taken for another."""
    assert found.said[kind][kind] >= EACH - 2, found.said[kind]


def test_it_is_opened_within_half_a_minute(found: Scores) -> None:
    """Of event time, from the onset."""
    assert found.in_time >= 0.95


def test_a_quiet_day_stays_quiet(found: Scores) -> None:
    """Of fifty none, or one."""
    assert found.false_alarms <= 0.02


def test_every_kind_has_troubles_and_a_seed_makes_one() -> None:
    """The same again, and another seed another."""
    assert set(SYMPTOMS) == set(Classification)
    one, again, other = (trouble(Classification.DDOS, seed) for seed in (1, 1, 2))
    assert one == again
    assert one.signals != other.signals
