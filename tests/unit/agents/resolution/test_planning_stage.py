"""The planning stage: votes by the runbook, plans what was agreed, refuses what must not be done by itself."""

import json
from dataclasses import replace
from typing import Any

import pytest

from agents.resolution.errors import PlanError, TargetsError
from agents.resolution.gate import PlanningLimits
from agents.resolution.plan import PLAN, plan_in
from agents.resolution.planning_stage import PlanningStage
from agents.resolution.planning_state import PlanningState
from agents.resolution.targets import Target
from schemas.records.analysis import CandidateState
from schemas.records.command import ActionRecord, ActionState
from schemas.records.vocabulary import Action, Classification
from streams.stage import Output, Received
from streams.topics import ACTIONS, COMMANDS, RECOMMENDATIONS
from tests.support.episode import INCIDENT, NOW, candidate, completed, decision, event, opened, records, said

CHECKOUT: dict[str, Any] = {
    "service": "checkout", "tenant": "acme", "environment": "prod", "executor": "process", "max_instances": 3,
    "health_url": "http://127.0.0.1:9/health", "cost_per_action": 10.0,
}  # fmt: skip


class FakeTargets:
    """One target, or an error."""

    def __init__(self, fault: str = "", **changes: Any) -> None:
        self._fault, self._target = fault, Target(**{**CHECKOUT, **changes})

    def find(self, tenant: str, environment: str, service: str) -> Target | None:
        if self._fault:
            raise TargetsError(self._fault)
        return self._target if self._target.key == (tenant, environment, service) else None


def stage(targets: FakeTargets | None = None, **limits: Any) -> PlanningStage:
    return PlanningStage(targets or FakeTargets(), PlanningLimits(**limits))


def run(
    planning: PlanningStage, *items: Received[Any], state: PlanningState | None = None
) -> tuple[PlanningState, list[Output]]:
    """Decide on one record after another, the state stored and loaded between them as the shell does."""
    outputs: list[Output] = []
    state = state or planning.initial(INCIDENT)
    for item in items:
        assert planning.key(item) == INCIDENT
        step = planning.decide(state, item)
        assert step.state is not None
        stored = json.loads(json.dumps(planning.dump(step.state)))
        assert planning.load(stored) == step.state
        state = step.state
        outputs += step.outputs
    return state, outputs


def intents(outputs: list[Output]) -> list[ActionRecord]:
    return [record for record in records(outputs, ACTIONS) if record.state == ActionState.INTENDED]


def questions(outputs: list[Output]) -> list[dict[str, Any]]:
    return said(records(outputs, COMMANDS), "HumanRequested")


def test_it_votes_once_on_a_candidate() -> None:
    """The vote is the runbook's, names its evidence, and is cast again only for another classification."""
    state, outputs = run(stage(), candidate(), candidate(candidate_id="again"))
    (vote,) = records(outputs, RECOMMENDATIONS)
    assert (vote.agent, vote.action, vote.target, vote.confidence) == ("resolution", Action.RESTART, "checkout", 0.75)
    assert vote.evidence[0].topic == "incident.candidates"
    _, outputs = run(stage(), candidate(classification=Classification.CASCADE), state=state)
    assert [vote.action for vote in records(outputs, RECOMMENDATIONS)] == [Action.NOOP]


def test_it_abstains_where_it_knows_nothing() -> None:
    """Trouble of unknown kind: an abstention, so that consensus does not wait for it."""
    _, outputs = run(stage(), candidate(classification=Classification.UNKNOWN))
    (vote,) = records(outputs, RECOMMENDATIONS)
    assert vote.abstains


def test_candidates_that_cleared_are_not_voted_on() -> None:
    """There is nothing to be done about trouble that is over."""
    _, outputs = run(stage(), candidate(state=CandidateState.CLEARED), candidate(state=CandidateState.QUIET))
    assert outputs == []


def test_an_agreed_action_becomes_an_intent() -> None:
    """The intent goes to the event store and to `actions`, and carries the exact plan that its hash is of."""
    _, outputs = run(stage(), candidate(), decision())
    (intent,) = intents(outputs)
    assert said(records(outputs, COMMANDS), "ActionIntended")[0]["action_id"] == intent.action_id
    plan = plan_in(intent)
    assert (plan.action, plan.service, plan.cost, plan.evidence) == (
        Action.RESTART,
        "checkout",
        10.0,
        ["anomalies/0/7"],
    )
    assert len(intent.plan_hash) == 64
    assert questions(outputs) == []


def test_a_changed_plan_is_not_carried_out() -> None:
    """The hash binds: a plan with another target is refused."""
    _, outputs = run(stage(), decision())
    (intent,) = intents(outputs)
    forged = replace(intent, parameters={PLAN: intent.parameters[PLAN].replace("checkout", "payments")})
    with pytest.raises(PlanError, match="no plan that its hash is of"):
        plan_in(forged)


def test_an_action_id_that_could_name_a_path_is_refused() -> None:
    """Executors name files by it."""
    _, outputs = run(stage(), decision())
    (intent,) = intents(outputs)
    with pytest.raises(PlanError, match="action_id"):
        plan_in(replace(intent, action_id="../../etc/x"))


def test_a_redelivery_makes_the_same_records() -> None:
    """Decided on again from the state of before, the outputs are equal, ids and hash included."""
    assert run(stage(), candidate(), decision())[1] == run(stage(), candidate(), decision())[1]


def test_the_same_decision_said_twice_is_planned_once() -> None:
    """Consensus may say a decision again after a crash; that is no second decision, even after the action ended."""
    planning = stage()
    state, outputs = run(planning, decision())
    outcome = completed(intents(outputs)[0], ActionState.FAILED, healthy=False)
    _, later = run(planning, decision(), outcome, decision(), state=state)
    assert intents(later) == []
    assert questions(later) == []


@pytest.mark.parametrize(
    ("targets", "limits", "changes", "reason"),
    [
        (FakeTargets(), {}, {"target": "payments"}, "no target payments in prod"),
        (FakeTargets(), {"budget": 9.0}, {}, "would cost 10, more than the budget of 9"),
        (FakeTargets(), {}, {"evidence_at": NOW - 121_000}, "evidence 121 s old"),
        (FakeTargets(actions=("ROLLBACK",)), {}, {}, "not among the actions that targets.json allows"),
        (FakeTargets(risk="high"), {}, {}, "of high risk"),
        (FakeTargets(fault="targets.json is broken"), {}, {}, "targets.json is broken"),
    ],
)
def test_what_must_not_be_done_by_itself_is_refused(
    targets: FakeTargets, limits: dict[str, float], changes: dict[str, Any], reason: str
) -> None:
    """A refusal is on `actions` with the reason, a human is asked, and there is no intent."""
    _, outputs = run(stage(targets, **limits), decision(**changes))
    (record,) = records(outputs, ACTIONS)
    assert record.state == ActionState.REFUSED
    assert reason in record.detail
    (question,) = questions(outputs)
    assert question["role"] == "senior_sre"
    assert question["reason"] == record.detail
    assert said(records(outputs, COMMANDS), "ActionIntended") == []


def test_evidence_as_old_as_allowed_is_good_enough() -> None:
    """The limit itself is not stale."""
    _, outputs = run(stage(), decision(evidence_at=NOW - 120_000))
    assert len(intents(outputs)) == 1


def test_a_decision_that_needs_a_human_is_left_to_them() -> None:
    """Consensus has asked already; nothing is intended, and the plan waits for their approval."""
    _, outputs = run(stage(), decision(autonomous=False))
    assert intents(outputs) == []
    assert questions(outputs) == []
    assert len(said(records(outputs, COMMANDS), "ApprovalRequested")) == 1


def test_what_failed_in_this_episode_is_not_repeated() -> None:
    """After a failed restart the vote is for something else, and a second restart is refused with what was tried."""
    planning = stage()
    state, outputs = run(planning, opened(), candidate(), decision())
    failed = completed(intents(outputs)[0], ActionState.FAILED, healthy=False)
    state, outputs = run(planning, failed, state=state)
    (vote,) = records(outputs, RECOMMENDATIONS)
    assert vote.action == Action.SCALE_UP
    _, outputs = run(planning, decision(decision_id="decision-2"), state=state)
    (question,) = questions(outputs)
    assert "was tried in this episode" in question["reason"]
    assert question["tried"] == ["RESTART on checkout: failed. as tested"]


def test_the_next_episode_begins_anew_with_what_was_learnt() -> None:
    """In a new episode a remedy that failed before may be tried, with less confidence."""
    planning = stage()
    state, outputs = run(planning, opened(), candidate(), decision())
    failed = completed(intents(outputs)[0], ActionState.FAILED, healthy=False)
    state, _ = run(planning, failed, event("IncidentClosed", {"reason": "quiet"}), state=state)
    state, outputs = run(planning, candidate(episode=2), decision(episode=2, decision_id="d2"), state=state)
    assert records(outputs, RECOMMENDATIONS)[0].confidence == pytest.approx(0.5)
    assert len(intents(outputs)) == 1


def test_a_verified_remedy_is_advised_with_more_confidence() -> None:
    """The runbook grows by what was verified healthy."""
    planning = stage()
    state, outputs = run(planning, opened(), candidate(), decision())
    well = completed(intents(outputs)[0], ActionState.SUCCEEDED, healthy=True)
    _, outputs = run(
        planning,
        well,
        event("IncidentResolved", {"how": "restart verified healthy"}),
        candidate(episode=2),
        state=state,
    )
    (vote,) = records(outputs, RECOMMENDATIONS)
    assert vote.confidence == pytest.approx((1 + 2 * 0.75) / 3)
    assert "1 of 1 runs" in vote.rationale


def test_an_action_that_was_never_done_teaches_nothing() -> None:
    """Refused at the dry run: it is not tried again in this episode, but says nothing about the remedy."""
    planning = stage()
    state, outputs = run(planning, opened(), candidate(), decision())
    (intent,) = intents(outputs)
    undone = event("ActionCompleted", replace(intent, state=ActionState.FAILED, detail="nothing was done: no unit"))
    state, _ = run(planning, undone, state=state)
    assert state.runbook == []
    assert state.failed == [Action.RESTART]


def test_a_decision_during_an_action_waits_for_its_outcome() -> None:
    """The two topics interleave: the next decision may come before the outcome that it rests on."""
    planning = stage()
    state, outputs = run(planning, opened(), decision())
    (first,) = intents(outputs)
    state, outputs = run(planning, decision(decision_id="d2", action=Action.SCALE_UP), state=state)
    assert outputs == []
    _, outputs = run(planning, completed(first, ActionState.FAILED, healthy=False), state=state)
    assert [intent.action for intent in intents(outputs)] == [Action.SCALE_UP]


def test_decisions_of_an_episode_that_is_over_are_passed_over() -> None:
    """Nothing is done to a service whose incident has ended."""
    _, outputs = run(stage(), opened(), event("IncidentResolved", {"how": "alerts cleared"}), decision())
    assert outputs == []


def test_waiting_that_does_not_help_is_told_once() -> None:
    """After a NOOP the stage waits for 300 s, then asks a human, once."""
    planning = stage()
    state, outputs = run(planning, opened(), decision(action=Action.NOOP))
    assert outputs == []
    assert planning.waits(state)
    assert planning.tick(INCIDENT, state, NOW + 299_999) is None
    step = planning.tick(INCIDENT, state, NOW + 300_000)
    assert step is not None
    assert step.state is not None
    assert "after 300 s they have not" in questions(list(step.outputs))[0]["reason"]
    assert not planning.waits(step.state)


@pytest.mark.parametrize(
    "later",
    [event("IncidentResolved", {"how": "alerts cleared"}), event("HumanRequested", {"role": "x", "reason": "y"})],
    ids=["resolved", "asked by consensus"],
)
def test_waiting_ends_with_its_reason(later: Received[Any]) -> None:
    """Nobody is asked about an incident that is over, or that a human looks at already."""
    planning = stage()
    state, _ = run(planning, opened(), decision(action=Action.NOOP), later)
    assert not planning.waits(state)


def test_an_outcome_that_never_comes_is_told_once() -> None:
    """An executor that died must not leave people in the dark; the action still counts as under way."""
    planning = stage()
    state, _ = run(planning, opened(), decision())
    assert planning.waits(state)
    step = planning.tick(INCIDENT, state, NOW + 420_000)
    assert step is not None
    assert step.state is not None
    assert "outcome is unknown" in questions(list(step.outputs))[0]["reason"]
    assert not planning.waits(step.state)
    _, outputs = run(planning, decision(decision_id="d2"), state=step.state)
    assert intents(outputs) == []


def episodes_that_a_restart_ended(planning: PlanningStage, *ends: int) -> PlanningState:
    """The state after episodes 1, 2, …, each opened, restarted and verified healthy at one of these times."""
    state = planning.initial(INCIDENT)
    for episode, at in enumerate(ends, 1):
        agreed = decision(decision_id=f"d{episode}", episode=episode, evidence_at=at, at=at)
        state, outputs = run(planning, candidate(episode=episode), agreed, state=state)
        (intent,) = intents(outputs)
        over = event("IncidentResolved", {"how": "restart verified healthy"}, episode=episode, at=at)
        state, _ = run(planning, completed(intent, ActionState.SUCCEEDED, healthy=True, at=at), over, state=state)
    return state


def test_what_helps_and_does_not_last_is_not_repeated_for_ever() -> None:
    """Twice within a quarter of an hour a restart helped; the third time a human is asked, who is told of both."""
    planning = stage()
    state = episodes_that_a_restart_ended(planning, NOW, NOW + 60_000)
    third = decision(decision_id="d3", episode=3, evidence_at=NOW + 120_000, at=NOW + 120_000)
    _, outputs = run(planning, candidate(episode=3), third, state=state)
    assert intents(outputs) == []
    (asked,) = questions(outputs)
    assert "it does not last" in asked["reason"]
    assert len(asked["tried"]) == 2
    assert all(told.startswith("RESTART on checkout: succeeded") for told in asked["tried"])


def test_what_helped_long_ago_may_help_again() -> None:
    """Trouble that comes once an hour is worth a restart once an hour."""
    planning, hour_ms = stage(), 3_600_000
    state = episodes_that_a_restart_ended(planning, NOW, NOW + hour_ms, NOW + 2 * hour_ms)
    at = NOW + 3 * hour_ms
    _, outputs = run(planning, decision(decision_id="d4", episode=4, evidence_at=at, at=at), state=state)
    assert len(intents(outputs)) == 1


def test_events_about_other_things_are_passed_over() -> None:
    """Notifications and counts of alerts do not touch the state."""
    assert stage().key(event("AlertsAccounted", {})) is None
