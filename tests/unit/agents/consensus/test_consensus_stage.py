"""The life of a vote: when it is concluded, what is published, what a failed action and an episode's end do to it."""

import json
import math
from typing import Any

import pytest

from agents.consensus.consensus_stage import ConsensusRules, ConsensusStage
from schemas.records.analysis import Recommendation
from schemas.records.command import Decision
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Action, Agent
from state.incident import EventType
from streams.topics import EVENTS, RECOMMENDATIONS
from tests.support.stage_run import StageRun
from tests.support.votes import INCIDENT, NOW, completed, event, vote

S = 1000


@pytest.fixture
def run() -> StageRun:
    """The stage with its default weights and gates."""
    return StageRun(ConsensusStage())


def hear(run: StageRun, *said: Recommendation, now: int = NOW) -> list[Any]:
    """Recommendations that arrive together; what the last of them made the stage publish."""
    published: list[Any] = []
    for each in said:
        published = run.take(RECOMMENDATIONS, each, now)
    return published


def agreed(confidence: float = 0.8, episode: int = 1, ordinal: int = 0) -> list[Recommendation]:
    """Three agents for a restart, one abstaining."""
    said = [vote(a, Action.RESTART, confidence, episode=episode, ordinal=ordinal)
            for a in (Agent.DETECTION, Agent.DIAGNOSIS, Agent.RESOLUTION)]  # fmt: skip
    return [*said, vote(Agent.PREDICTION, abstains=True, episode=episode, ordinal=ordinal)]


def test_a_vote_is_concluded_as_soon_as_all_four_spoke(run: StageRun) -> None:
    """An abstention is a word; it has no part in the figures."""
    decision, fact = hear(run, *agreed())
    assert isinstance(decision, Decision)
    assert (decision.action, decision.target, decision.autonomous, decision.escalated_to) == (
        Action.RESTART, "checkout", True, "")  # fmt: skip
    assert (decision.confidence, decision.support, decision.score) == (0.8, 1.0, 0.56)
    assert {v.agent for v in decision.votes} == {Agent.DETECTION, Agent.DIAGNOSIS, Agent.RESOLUTION}
    assert "as all agents spoke" in decision.reason
    assert "Abstaining: prediction" in decision.reason
    assert (fact.type, json.loads(fact.payload)["decision_id"]) == (EventType.DECISION_MADE, decision.decision_id)


def test_every_vote_names_the_record_that_it_was_cast_by(run: StageRun) -> None:
    """Its recommendation first, then what that rests on."""
    decision = hear(run, *agreed())[0]
    for cast in decision.votes:
        assert cast.evidence[0].topic == "recommendations"
        assert cast.evidence[1].topic == "anomalies"


def test_nothing_is_concluded_before_diagnosis_and_time(run: StageRun) -> None:
    """Two agents are no quorum; the stage waits."""
    assert hear(run, vote(Agent.DETECTION), vote(Agent.RESOLUTION)) == []
    assert run.tick(NOW + 60 * S) == []


def test_patience_with_the_absent_ends_after_diagnosis_spoke(run: StageRun) -> None:
    """Ten seconds after diagnosis's first word, not after the first word of anyone."""
    hear(run, vote(Agent.DETECTION), vote(Agent.RESOLUTION))
    hear(run, vote(), now=NOW + 20 * S)
    assert run.tick(NOW + 29 * S) == []
    decision, _ = run.tick(NOW + 30 * S)
    assert decision.autonomous
    assert "10 s after diagnosis spoke" in decision.reason


def test_a_late_tick_is_made_up_for_by_a_record(run: StageRun) -> None:
    """Arrival times alone bring the same decision, so a replay without a clock does."""
    hear(run, vote(), vote(Agent.DETECTION), vote(Agent.RESOLUTION))
    assert hear(run, vote(Agent.DETECTION, confidence=0.9, ordinal=1), now=NOW + 11 * S)[0].action == Action.RESTART


def test_a_silent_diagnosis_is_not_waited_for_when_the_others_agree(run: StageRun) -> None:
    """Three that agree hold 0.6 of all weight: the first clarification round concludes."""
    hear(run, *[vote(a, confidence=0.9) for a in (Agent.DETECTION, Agent.PREDICTION, Agent.RESOLUTION)])
    assert run.tick(NOW + 9 * S) == []
    decision = run.tick(NOW + 10 * S)[0]
    assert decision.autonomous
    assert "in clarification round 1" in decision.reason


def test_at_the_limit_the_strongest_single_voice_goes_to_a_human(run: StageRun) -> None:
    """Twelve rounds brought no agreement; nobody acts on one voice alone."""
    hear(run, vote(Agent.DETECTION, confidence=0.99), vote(Agent.PREDICTION, Action.SCALE_UP, 0.9))
    for second in range(10, 120, 10):
        assert run.tick(NOW + second * S) == []
    decision, _, question = run.tick(NOW + 120 * S)
    assert (decision.action, decision.autonomous, decision.escalated_to) == (Action.SCALE_UP, False, "senior_sre")
    assert decision.support == 0.6
    assert "11 clarification rounds" in decision.reason
    assert len(decision.votes) == 2
    asked = json.loads(question.payload)
    assert (question.type, asked["role"], asked["decision_id"]) == (
        EventType.HUMAN_REQUESTED, "senior_sre", decision.decision_id)  # fmt: skip


def test_a_weak_agreement_goes_to_a_human_with_the_reason(run: StageRun) -> None:
    """All spoke, confidence 0.6, and three rounds of clarification brought nothing new."""
    assert hear(run, *agreed(0.6)) == []
    assert run.tick(NOW + 29 * S) == []
    decision, _, question = run.tick(NOW + 30 * S)
    assert not decision.autonomous
    assert "confidence 0.6 is below 0.7" in json.loads(question.payload)["reason"]


def test_a_weak_agreement_that_grows_strong_needs_no_human(run: StageRun) -> None:
    """The agents saw more within the rounds of clarification: each new word is counted at once."""
    hear(run, *agreed(0.6))
    run.tick(NOW + 10 * S)
    decision = hear(run, vote(Agent.DIAGNOSIS, confidence=0.9, ordinal=1), now=NOW + 14 * S)[0]
    assert (decision.action, decision.autonomous, decision.confidence) == (Action.RESTART, True, 0.771428571429)


def test_four_abstentions_go_to_a_human(run: StageRun) -> None:
    """There is nothing to decide on when the rounds of clarification are over."""
    hear(run, *[vote(a, abstains=True) for a in ConsensusRules().weights])
    decision, _, _ = run.tick(NOW + 30 * S)
    assert (decision.action, decision.autonomous, decision.confidence, decision.votes) == (Action.NOOP, False, 0.0, [])


def test_an_impossible_confidence_is_no_vote_but_a_word(run: StageRun) -> None:
    """The agent need not be waited for; two trusted agents are too few to act on."""
    bad = vote(Agent.DIAGNOSIS, confidence=math.nan)
    hear(run, vote(Agent.DETECTION), bad, vote(Agent.RESOLUTION), vote(Agent.PREDICTION, abstains=True))
    decision = run.tick(NOW + 30 * S)[0]
    assert not decision.autonomous
    assert "Set aside (1): diagnosis has an impossible confidence, nan" in decision.reason
    assert "2 of at least 3" in decision.reason


def test_the_latest_word_of_an_agent_counts(run: StageRun) -> None:
    """Detection changed its mind before the vote was concluded."""
    hear(run, vote(Agent.DETECTION, Action.NOOP))
    decision = hear(run, *agreed(ordinal=1))[0]
    assert decision.support == 1.0


def test_there_is_one_decision_a_round(run: StageRun) -> None:
    """Later words and ticks change nothing."""
    hear(run, *agreed())
    assert hear(run, vote(action=Action.ROLLBACK, ordinal=1)) == []
    assert run.tick(NOW + 200 * S) == []
    assert not run.stage.waits(run.state(INCIDENT))


def test_stale_evidence_forbids_to_act(run: StageRun) -> None:
    """The newest word is older than 120 s when the vote is concluded: a worker was down meanwhile."""
    hear(run, *agreed(), now=NOW + 121 * S)
    decision = run.tick(NOW + 151 * S)[0]
    assert not decision.autonomous
    assert "151 s old" in decision.reason
    assert decision.evidence_at == NOW


def test_a_failed_action_opens_the_vote_without_it(run: StageRun) -> None:
    """The restart did not help; prediction's scale up is what remains, and is decided on at once."""
    said = [*agreed()[:3], vote(Agent.PREDICTION, Action.SCALE_UP, 0.9)]
    first = hear(run, *said)[0]
    second, _, question = run.take(EVENTS, completed("FAILED"), NOW + 30 * S)
    assert (second.action, second.autonomous) == (Action.SCALE_UP, False)
    assert second.decision_id != first.decision_id
    assert "Not again: RESTART checkout" in second.reason
    assert json.loads(question.payload)["tried"] == ["RESTART on checkout: failed. still unhealthy"]


def test_where_nothing_else_remains_a_human_is_asked_with_what_was_tried(run: StageRun) -> None:
    """No decision is made up."""
    hear(run, *agreed())
    (question,) = run.take(EVENTS, completed("ROLLED_BACK"), NOW + 30 * S)
    assert isinstance(question, IncidentCommand)
    assert question.type == EventType.HUMAN_REQUESTED
    assert json.loads(question.payload)["tried"] == ["RESTART on checkout: rolled back. still unhealthy"]


def test_a_failure_told_twice_is_one_failure(run: StageRun) -> None:
    """The event was read again after a crash."""
    hear(run, *agreed())
    run.take(EVENTS, completed("FAILED"), NOW)
    assert run.take(EVENTS, completed("FAILED"), NOW) == []


def test_an_action_that_helped_opens_no_vote(run: StageRun) -> None:
    """Nor does one of an episode before."""
    hear(run, *agreed(episode=2))
    assert run.take(EVENTS, completed("SUCCEEDED", episode=2), NOW) == []
    assert run.take(EVENTS, completed("FAILED", episode=1), NOW) == []


def test_what_failed_before_the_vote_is_not_decided_on(run: StageRun) -> None:
    """An operator tried a restart on their own, in vain."""
    hear(run, vote())
    assert run.take(EVENTS, completed("FAILED"), NOW) == []
    others = [vote(Agent.DETECTION), vote(Agent.RESOLUTION), vote(Agent.PREDICTION, Action.SCALE_UP, 0.9)]
    hear(run, *others)
    assert run.tick(NOW + 30 * S)[0].action == Action.SCALE_UP


def test_a_redelivered_record_makes_the_same_decision(run: StageRun) -> None:
    """The worker died after publishing and before its state was written."""
    *first, last = agreed()
    hear(run, *first)
    before = dict(run.states)
    received = run.place(RECOMMENDATIONS, last, NOW)
    published = run.decide(received)
    run.states = before
    assert run.decide(received) == published


def test_a_word_said_again_at_a_later_place_does_not_turn_back_a_newer_one(run: StageRun) -> None:
    """Diagnosis was restarted and published its first word again."""
    hear(run, vote(), vote(action=Action.ROLLBACK, ordinal=1), vote())
    decision = run.tick(NOW + 30 * S)[0]
    assert decision.action == Action.ROLLBACK


def test_an_ended_episode_leaves_only_its_number(run: StageRun) -> None:
    """Late words on it make no decision; the next episode is voted on from nothing."""
    hear(run, *agreed())
    run.take(EVENTS, event(EventType.INCIDENT_RESOLVED), NOW)
    state = run.state(INCIDENT)
    assert (state.ended, state.heard, state.excluded, state.open) == (1, [], [], False)
    assert hear(run, *agreed(ordinal=1)) == []
    again = hear(run, *agreed(episode=2))[0]
    assert again.episode == 2


def test_an_end_that_comes_first_silences_the_episode(run: StageRun) -> None:
    """Topics interleave: the incident was closed before any word of it arrived here."""
    run.take(EVENTS, event(EventType.INCIDENT_CLOSED, episode=3), NOW)
    assert hear(run, *agreed(episode=3)) == []
    assert run.take(EVENTS, event(EventType.INCIDENT_RESOLVED, episode=2), NOW) == []
    assert run.state(INCIDENT).ended == 3


def test_a_later_episode_takes_the_place_of_one_that_was_not_seen_to_end(run: StageRun) -> None:
    """Words of the former one are late."""
    hear(run, vote(Agent.DETECTION), vote(episode=2))
    assert run.state(INCIDENT).episode == 2
    hear(run, vote(Agent.PREDICTION, episode=1))
    assert len(run.state(INCIDENT).heard) == 1


def test_events_of_no_concern_touch_no_state(run: StageRun) -> None:
    """Most events are not about a vote."""
    run.take(EVENTS, event(EventType.NOTIFICATION_SENT), NOW)
    assert run.states == {}


def test_the_state_of_an_incident_stays_small(run: StageRun) -> None:
    """Whatever agents send, and however often."""
    loud = vote()
    loud.evidence.extend(loud.evidence * 200)
    for ordinal in range(200):
        hear(run, vote(Agent.DETECTION, ordinal=ordinal))
    hear(run, loud)
    assert len(run.states[INCIDENT]) < 12_000


def handed_over(run: StageRun) -> Decision:
    """A decision that a human was asked to take: the agents were not sure enough, for three rounds."""
    hear(run, *agreed(confidence=0.3))
    decision, _, asked = run.tick(NOW + 30 * S)
    assert (decision.autonomous, asked.type) == (False, EventType.HUMAN_REQUESTED)
    found: Decision = decision
    return found


def test_what_becomes_clear_after_a_human_was_asked_is_decided_on(run: StageRun) -> None:
    """The first words were of a faint sign; then the fault itself came. Decided once, by all gates, as a decision of its own."""
    first = handed_over(run)
    surer = agreed(confidence=0.9, ordinal=1)
    said = [hear(run, each, now=NOW + 60 * S) for each in surer]
    decisions = [each[0] for each in said if each]
    assert [(d.autonomous, d.action) for d in decisions] == [(True, Action.RESTART)]
    assert decisions[0].decision_id != first.decision_id
    assert "after a human was asked" in decisions[0].reason
    assert hear(run, *agreed(confidence=0.95, ordinal=2), now=NOW + 70 * S) == []


def test_what_stays_unclear_is_not_asked_about_twice(run: StageRun) -> None:
    """A human has it; further words below the gates, and time, change nothing."""
    handed_over(run)
    assert hear(run, *agreed(confidence=0.5, ordinal=1), now=NOW + 60 * S) == []
    assert run.tick(NOW + 300 * S) == []


def test_waiting_takes_nothing_off_a_humans_hands(run: StageRun) -> None:
    """That it is best to do nothing is no reason to tell a human, who was asked, that all is decided."""
    handed_over(run)
    waiting = [vote(a, Action.NOOP, 0.95, ordinal=1) for a in (Agent.DETECTION, Agent.DIAGNOSIS, Agent.RESOLUTION)]
    assert hear(run, *waiting, now=NOW + 60 * S) == []
