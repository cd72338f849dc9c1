"""The arithmetic of a vote: exact, and the same in whatever order agents speak."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.consensus.arithmetic import WEIGHTS, Tally, check_weights, fault_of, strongest_single, tally
from agents.consensus.errors import WeightsError
from schemas.records.analysis import Recommendation
from schemas.records.vocabulary import Action, Agent
from tests.support.votes import vote

AGENTS = sorted(WEIGHTS)


@st.composite
def votes(draw: st.DrawFn) -> list[Recommendation]:
    """What any of the four agents may say, once each."""
    return [
        vote(
            agent,
            draw(st.sampled_from(Action)),
            draw(st.floats(0, 1)),
            target=draw(st.sampled_from(["checkout", "cart"])),
            abstains=draw(st.booleans()),
        )
        for agent in draw(st.lists(st.sampled_from(AGENTS), unique=True))
    ]


def test_the_worked_case_of_a_restart_against_a_scale_up() -> None:
    """Diagnosis says restart at 0.8, prediction scale up at 0.7: restart, confidence 0.8, support 0.57."""
    counted = tally([vote(), vote(Agent.PREDICTION, Action.SCALE_UP, 0.7)])
    assert counted.winner is not None
    assert (counted.winner.action, counted.winner.confidence) == (Action.RESTART, 0.8)
    assert counted.winner.score == 0.32
    assert round(counted.winner.support, 2) == 0.57


def test_agents_that_agree_are_counted_together() -> None:
    """Detection and resolution alone are weaker than prediction; together with diagnosis's weight they are not."""
    counted = tally([
        vote(Agent.DETECTION, Action.RESTART, 0.6),
        vote(Agent.DIAGNOSIS, Action.RESTART, 0.9),
        vote(Agent.PREDICTION, Action.SCALE_UP, 1.0),
        vote(Agent.RESOLUTION, Action.RESTART, 0.7),
    ])  # fmt: skip
    assert counted.winner is not None
    assert [v.agent for v in counted.winner.supporters] == [Agent.DIAGNOSIS, Agent.DETECTION, Agent.RESOLUTION]
    assert counted.winner.confidence == pytest.approx((0.12 + 0.36 + 0.07) / 0.7)
    assert counted.winner.support == 0.7


def test_the_same_action_on_another_target_is_another_option() -> None:
    """Restarting cart is not restarting checkout."""
    counted = tally([vote(), vote(Agent.PREDICTION, Action.RESTART, 0.9, target="cart")])
    assert [(o.action, o.target) for o in counted.options] == [(Action.RESTART, "checkout"), (Action.RESTART, "cart")]


def test_a_confidence_of_exactly_the_gate_is_not_lost_to_rounding() -> None:
    """Two voices at 0.7 have a mean of 0.7, although 0.2 x 0.7 + 0.4 x 0.7 over 0.6 is not 0.7 in binary."""
    counted = tally([vote(Agent.DETECTION, confidence=0.7), vote(confidence=0.7)])
    assert counted.winner is not None
    assert counted.winner.confidence == 0.7


def test_of_equal_scores_the_surer_wins_then_the_order_of_actions_then_the_target() -> None:
    """Detection at 0.6 and prediction at 0.4 score 0.12 each; with equal weights and confidence names decide."""
    surer = tally([vote(Agent.DETECTION, Action.ROLLBACK, 0.6), vote(Agent.PREDICTION, Action.NOOP, 0.4)])
    assert surer.options[0].action == Action.ROLLBACK
    even = dict.fromkeys(AGENTS, 0.25)
    by_action = tally([vote(Agent.DETECTION, Action.ROLLBACK), vote(Agent.PREDICTION, Action.RESTART)], even)
    assert by_action.options[0].action == Action.RESTART
    by_target = tally([vote(Agent.DETECTION, target="b"), vote(Agent.PREDICTION, target="a")], even)
    assert by_target.options[0].target == "a"


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf, -0.01, 1.01])
def test_an_impossible_confidence_is_set_aside_and_told(confidence: float) -> None:
    """A broken agent neither wins nor spoils the sums."""
    counted = tally([vote(confidence=confidence), vote(Agent.DETECTION, Action.NOOP, 0.5)])
    assert counted.winner is not None
    assert counted.winner.action == Action.NOOP
    assert counted.winner.support == 1.0
    assert len(counted.set_aside) == 1
    assert "impossible confidence" in counted.set_aside[0]


def test_an_agent_without_a_vote_is_set_aside() -> None:
    """Sampling writes events, but has no say."""
    assert fault_of(vote(Agent.SAMPLING)) == "sampling has no vote"
    assert tally([vote(Agent.SAMPLING)]).winner is None


def test_the_latest_word_of_an_agent_counts() -> None:
    """An agent may change its mind."""
    early, late = vote(at=1), vote(action=Action.ROLLBACK, at=2, ordinal=1)
    for said in ([early, late], [late, early]):
        winner = tally(said).winner
        assert winner is not None
        assert winner.action == Action.ROLLBACK


def test_the_strongest_single_voice_is_by_weight_and_confidence() -> None:
    """Prediction at 1.0 (0.3) is louder than diagnosis at 0.7 (0.28)."""
    counted = tally([vote(confidence=0.7), vote(Agent.PREDICTION, Action.SCALE_UP, 1.0)])
    single = strongest_single(counted)
    assert single is not None
    assert single.agent == Agent.PREDICTION
    assert strongest_single(tally([])) is None


@pytest.mark.parametrize("weights", [{}, {Agent.DIAGNOSIS: 0.0}, {Agent.DIAGNOSIS: math.nan}, {Agent.DIAGNOSIS: -1.0}])
def test_weights_that_nothing_can_be_counted_by_are_refused(weights: dict[Agent, float]) -> None:
    """At start, not in the first incident."""
    with pytest.raises(WeightsError, match="positive"):
        check_weights(weights)


@given(votes())
def test_the_winner_has_the_greatest_sum_of_weight_and_confidence(said: list[Recommendation]) -> None:
    """Computed anew from the votes, no option scores more than the winner."""
    counted = tally(said)
    for option in counted.options:
        heard = [r for r in said if not r.abstains and (r.action, r.target) == (option.action, option.target)]
        assert option.score == pytest.approx(sum(WEIGHTS[r.agent] * r.confidence for r in heard))
        assert counted.winner is not None
        assert counted.winner.score >= option.score


@given(votes())
def test_figures_stay_within_their_range(said: list[Recommendation]) -> None:
    """Support and confidence are from 0 to 1, and the options share out the whole support."""
    counted = tally(said)
    assert all(0.0 <= o.support <= 1.0 and 0.0 <= o.confidence <= 1.0 for o in counted.options)
    if counted.options:
        assert sum(o.support for o in counted.options) == pytest.approx(1.0)


@given(votes(), st.randoms(use_true_random=False))
def test_the_order_of_voices_changes_nothing(said: list[Recommendation], shuffle: random.Random) -> None:
    """Partitions interleave; the outcome must not."""
    mixed = list(said)
    shuffle.shuffle(mixed)
    assert tally(mixed) == tally(said)


@given(votes(), st.sampled_from(AGENTS))
def test_an_abstention_changes_nothing(said: list[Recommendation], agent: Agent) -> None:
    """Who has nothing to say weighs nothing."""
    others = [r for r in said if r.agent != agent]
    with_it: Tally = tally([*others, replace(vote(agent), abstains=True)])
    assert with_it == tally(others)
