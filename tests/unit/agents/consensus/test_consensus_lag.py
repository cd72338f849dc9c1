"""Who is behind decides on old news: it decides, and leaves the doing to a person."""

import json

import pytest

from agents.consensus.consensus_stage import ConsensusRules, ConsensusStage
from agents.consensus.lagging import AskedLag, Behind, lag_obstacle
from schemas.records.command import Decision
from schemas.records.vocabulary import Action, Agent
from state.incident import EventType
from streams.answers import AnswersAgain, AnswersNoted
from streams.topics import RECOMMENDATIONS
from tests.support.stage_run import StageRun
from tests.support.votes import NOW, vote

S = 1000
LATE = Behind("breakwater-analysis", "alerts.sampled", 121)


def all_speak(run: StageRun) -> None:
    """Three for a restart, and an abstention."""
    for agent in (Agent.DETECTION, Agent.DIAGNOSIS, Agent.RESOLUTION):
        run.take(RECOMMENDATIONS, vote(agent, Action.RESTART, 0.9), NOW)


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (Behind(), ""),
        (Behind("breakwater-analysis", "alerts.sampled", 120), ""),
        (LATE, "breakwater-analysis is 121 s behind on alerts.sampled, more than 120 s"),
        (Behind(lag_s=None), "nobody knows how far analysis and command are behind"),
    ],
)
def test_lag_is_an_obstacle_beyond_its_limit(behind: Behind, words: str) -> None:
    """Not knowing is one as well."""
    assert lag_obstacle(behind, 120.0) == words


def test_behind_its_limit_it_decides_and_asks_a_human() -> None:
    """The event names the action that won, and says why nobody carries it out: clear votes, but old news."""
    run = StageRun(ConsensusStage(ConsensusRules(), lambda: LATE))
    all_speak(run)
    published = run.take(RECOMMENDATIONS, vote(Agent.PREDICTION, abstains=True), NOW)
    published += run.tick(NOW + 40 * S)
    decision = next(one for one in published if isinstance(one, Decision))
    assert (decision.action, decision.autonomous, decision.escalated_to) == (Action.RESTART, False, "senior_sre")
    assert "121 s behind on alerts.sampled" in decision.reason
    said = [json.loads(one.payload) for one in published if getattr(one, "type", "") == EventType.DECISION_MADE]
    assert ["121 s behind" in one["reason"] for one in said] == [True]


def test_once_the_lag_is_closed_the_vote_is_counted_again() -> None:
    """Within the rounds of clarification nothing is lost but seconds."""
    seen = [LATE]
    run = StageRun(ConsensusStage(ConsensusRules(), lambda: seen[-1]))
    all_speak(run)
    assert run.take(RECOMMENDATIONS, vote(Agent.PREDICTION, abstains=True), NOW) == []
    seen.append(Behind())
    decision, _ = run.tick(NOW + 2 * S)
    assert decision.autonomous


def test_what_was_answered_then_is_answered_again() -> None:
    """A decision that is made again asks nobody; records of a time without this question say that nobody was behind."""
    noted = AnswersNoted()
    assert AskedLag(lambda: LATE, noted)() == LATE
    (text,) = noted.take()
    assert json.loads(text) == {"group": "breakwater-analysis", "topic": "alerts.sampled", "lag_s": 121}
    assert AskedLag(lambda: LATE, AnswersAgain())() == Behind()
