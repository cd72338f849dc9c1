"""Which model of a series is asked, and from which odds is foretold: both by what was verified."""

import math
import random

import pytest

from agents.prediction.contest import AHEAD_MS, LEVEL, LINE, LOOK_MS, SEASON, Belief, Contest, crps
from agents.prediction.forecaster import ForecastState, forecast, learn
from agents.prediction.season import Season
from agents.prediction.told_from import ToldFrom
from schemas.records.vocabulary import Millis
from tests.support.signals import NOW

_HOUR_MS = 3_600_000
_HORIZON_MS = 1_800_000


def judged(contest: Contest, value: float, beliefs: tuple[Belief, ...], times: int, at: Millis = NOW) -> Contest:
    """The contest after as many claims as said, each judged by the same value."""
    for _ in range(times):
        contest = contest.claimed(at, beliefs).looked(value, at + AHEAD_MS)
        at += LOOK_MS + AHEAD_MS
    return contest


def test_the_line_is_asked_until_another_was_clearly_better_on_several_claims() -> None:
    """One lucky half hour decides nothing; five do."""
    line, level = Belief(0.9, 0.01), Belief(0.5, 0.01)
    assert judged(Contest(), 0.5, (line, level), 1).best == LINE
    lost = judged(Contest(), 0.5, (line, level), 6)
    assert lost.best == LEVEL
    assert judged(lost, 0.9, (line, level), 12, NOW + 10 * _HOUR_MS).best == LINE


def test_a_claim_is_not_judged_by_a_value_of_another_time() -> None:
    """After a gap what stood is dropped."""
    contest = Contest().claimed(NOW, (Belief(1.0, 0.1), Belief(0.0, 0.1))).looked(0.0, NOW + AHEAD_MS + 400_000)
    assert (contest.claims, contest.judged) == ((), 0.0)


@pytest.mark.parametrize("off", [0.0, 0.7, 3.0])
def test_the_score_is_that_of_its_definition(off: float) -> None:
    """The integral of the squared distance of the two distribution functions, summed by steps of a thousandth."""

    def below(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    summed = sum((below(x / 1000) - (x / 1000 >= off)) ** 2 for x in range(-8000, 8000)) / 1000
    assert crps(Belief(0.0, 1.0), off) == pytest.approx(summed, abs=2e-3)


def test_a_season_is_known_once_every_hour_was_seen_on_two_days() -> None:
    """And between the middles of hours it goes straight."""
    season = Season()
    for look in range(24 * 6 * 2):
        assert not season.known or look > 24 * 6
        season = season.learned(float(look // 6 % 24), look * LOOK_MS)
    assert season.known
    assert season.at(10 * _HOUR_MS) == pytest.approx(9.5)
    assert season.knots(10 * _HOUR_MS, 5400) == (1800, 5400)


def day(minute: int) -> float:
    """A load with a peak over the level every day at noon."""
    return 0.3 + 0.7 * max(0.0, math.cos(math.pi * (minute - 720) / 720)) ** 2


def test_the_season_is_asked_where_days_are_alike_and_foretells_their_peak() -> None:
    """After some days it is the best; before dawn it foretells nothing, in the half hour before the breach it does."""
    state, dice, odds = ForecastState(), random.Random(5), {}
    for minute in range(6 * 1440):
        state = learn(
            state, day(minute % 1440) + dice.gauss(0, 0.008), NOW // 86_400_000 * 86_400_000 + minute * 60_000
        )
        if minute > 5 * 1440:
            found = forecast(state, 0.9, 1800)
            assert found is not None
            odds[minute % 1440] = found.probability
    breach = next(minute for minute in range(720) if day(minute) >= 0.9)
    assert state.contest.best == SEASON
    assert max(odds[minute] for minute in range(1, breach - 120)) < 0.3
    assert odds[breach - 10] > 0.8


def test_a_series_is_foretold_from_the_threshold_until_its_rises_come_to_nothing() -> None:
    """Odds of 0.65 that were false raise the bar above them; it comes down again once what is surer was right."""
    told, at = ToldFrom(), NOW
    assert told.level(0.6) == 0.6
    told = told.given(0.65, at, 0.6).judged(at + _HORIZON_MS + 1, False, _HORIZON_MS)
    assert told.level(0.6) == pytest.approx(0.7)
    told = told.given(0.95, at, 0.6).judged(at + _HORIZON_MS + 1, False, _HORIZON_MS)
    assert told.level(0.6) == pytest.approx(0.9)
    for _ in range(12):
        told = told.given(0.95, at, 0.6).judged(at + 60_000, True, _HORIZON_MS)
    assert told.level(0.6) == 0.6


def test_odds_below_the_threshold_or_while_a_prediction_stands_change_nothing() -> None:
    """A prediction is judged once, from when it was first likely."""
    told = ToldFrom().given(0.99, NOW, 0.6)
    assert told.given(0.99, NOW + 1000, 0.6) is told
    assert ToldFrom().given(0.5, NOW, 0.6) == ToldFrom()
