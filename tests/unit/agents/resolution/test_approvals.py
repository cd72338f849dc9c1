"""Plans that wait for a person: offered whole, carried out exactly as approved, never after the answer's time."""

from dataclasses import replace
from typing import Any

import pytest

from agents.resolution.plan import PLAN, plan_hash, plan_in
from agents.resolution.planning_stage import PlanningStage
from agents.resolution.planning_state import PlanningState
from schemas.records.command import ActionState
from schemas.records.vocabulary import Action
from streams.stage import Output, Received
from streams.topics import ACTIONS, COMMANDS
from tests.support.episode import INCIDENT, NOW, completed, decision, event, opened, records, said
from tests.unit.agents.resolution.test_planning_stage import FakeTargets, intents, questions, run, stage

EXPIRY_MS = 900_000


def asked(planning: PlanningStage, *items: Received[Any]) -> tuple[PlanningState, dict[str, Any]]:
    """The state in which one plan waits, and the request."""
    state, outputs = run(planning, opened(), *(items or (decision(autonomous=False),)))
    (request,) = requests(outputs)
    return state, request


def requests(outputs: list[Output]) -> list[dict[str, Any]]:
    return said(records(outputs, COMMANDS), "ApprovalRequested")


def answer(request: dict[str, Any], kind: str = "ApprovalGiven", *, at: int = NOW + 5_000, **changes: Any) -> Any:
    """The event of a person's answer."""
    fields = {
        "approval_id": request["approval_id"],
        "plan_hash": request["plan_hash"],
        "by": "ana",
        "why": "known leak",
    }
    return event(kind, {**fields, **changes}, at=at, version=7)


def test_what_is_asked_is_the_exact_plan_with_its_evidence() -> None:
    """The hash is of the plan's text, and the text names the records that the decision rests on."""
    _, request = asked(stage())
    assert plan_hash(request["plan"]) == request["plan_hash"]
    assert "anomalies/0/7" in request["plan"]
    assert (request["action"], request["role"], request["expires_at"]) == ("RESTART", "senior_sre", NOW + EXPIRY_MS)


def test_an_approved_plan_is_carried_out_as_it_was_shown() -> None:
    """The intent carries the very text and hash, says who approved it, and dates from the approval."""
    planning = stage()
    state, request = asked(planning)
    state, outputs = run(planning, answer(request), state=state)
    (intent,) = intents(outputs)
    assert (intent.parameters[PLAN], intent.plan_hash) == (request["plan"], request["plan_hash"])
    assert (intent.parameters["approved_by"], intent.occurred_at) == ("ana", NOW + 5_000)
    assert plan_in(intent).action_id == request["action_id"]
    assert state.action is not None


def test_an_approval_that_comes_twice_acts_once() -> None:
    """The event redelivered, or told again, finds nothing that waits."""
    planning = stage()
    state, request = asked(planning)
    _, outputs = run(planning, answer(request), answer(request), state=state)
    assert len(intents(outputs)) == 1


@pytest.mark.parametrize(
    ("changes", "said_why"),
    [({"plan_hash": "0" * 64}, "another plan"), ({"at": NOW + EXPIRY_MS + 1_000}, "1 s after it had expired")],
)
def test_an_approval_of_something_else_does_nothing_and_says_so(changes: dict[str, Any], said_why: str) -> None:
    """Another plan's hash, or a time that is over: a human is told, nothing is done."""
    planning = stage()
    state, request = asked(planning)
    _, outputs = run(planning, answer(request, **changes), state=state)
    assert intents(outputs) == []
    assert said_why in questions(outputs)[0]["reason"]


def test_an_approval_of_another_request_changes_nothing() -> None:
    """Its plan is not the one that waits."""
    planning = stage()
    state, request = asked(planning)
    after, outputs = run(planning, answer(request, approval_id="other"), state=state)
    assert (after, outputs) == (state, [])


def test_nobody_is_asked_for_ever() -> None:
    """After its time the request is over, which is put on record once."""
    planning = stage()
    state, request = asked(planning)
    assert planning.waits(state)
    assert planning.tick(INCIDENT, state, NOW + EXPIRY_MS) is None
    step = planning.tick(INCIDENT, state, NOW + EXPIRY_MS + 1)
    assert step is not None
    assert step.state is not None
    (over,) = said(records(list(step.outputs), COMMANDS), "ApprovalExpired")
    assert over["approval_id"] == request["approval_id"]
    assert not planning.waits(step.state)


def test_what_a_person_refused_is_not_done_by_itself() -> None:
    """Consensus may come to the same action again: it is refused, and not asked for a second time either."""
    planning = stage()
    state, request = asked(planning)
    state, outputs = run(planning, answer(request, "ApprovalRefused", why="it loses carts"), state=state)
    assert outputs == []
    alone, again = decision(decision_id="d2"), decision(decision_id="d3", autonomous=False)
    _, outputs = run(planning, alone, again, state=state)
    assert intents(outputs) == []
    assert requests(outputs) == []
    (question,) = questions(outputs)
    assert "refused by a person" in question["reason"]
    assert question["tried"] == ["RESTART was refused by ana: it loses carts"]


@pytest.mark.parametrize(
    ("targets", "limits", "changes"),
    [
        (FakeTargets(risk="high"), {}, {}),
        (FakeTargets(), {"budget": 9.0}, {}),
        (FakeTargets(), {}, {"evidence_at": NOW - 121_000}),
    ],
    ids=["high risk", "over budget", "stale evidence"],
)
def test_what_a_person_may_allow_is_offered_to_them(
    targets: FakeTargets, limits: dict[str, float], changes: dict[str, Any]
) -> None:
    """An agreed action that must not be done alone is refused, and waits for approval with the reason."""
    _, outputs = run(stage(targets, **limits), opened(), decision(**changes))
    (refused,) = records(outputs, ACTIONS)
    (request,) = requests(outputs)
    assert refused.state == ActionState.REFUSED
    assert request["reason"] == refused.detail


@pytest.mark.parametrize("targets", [FakeTargets(actions=("ROLLBACK",)), FakeTargets(fault="no targets")])
def test_what_nobody_may_do_is_not_offered(targets: FakeTargets) -> None:
    """The operator's targets allow it or not; an approval is no way around them."""
    for autonomous in (True, False):
        _, outputs = run(stage(targets), opened(), decision(autonomous=autonomous))
        assert requests(outputs) == []


def test_a_later_decision_takes_the_place_of_what_waits() -> None:
    """The answer to the earlier plan finds nothing."""
    planning = stage()
    state, request = asked(planning)
    state, outputs = run(planning, decision(decision_id="d2", action=Action.SCALE_UP), state=state)
    assert [intent.action for intent in intents(outputs)] == [Action.SCALE_UP]
    _, outputs = run(planning, answer(request), state=state)
    assert outputs == []


def test_an_approved_action_that_fails_is_not_offered_again() -> None:
    """What did not help is no remedy, with approval or without."""
    planning = stage()
    state, request = asked(planning)
    state, outputs = run(planning, answer(request), state=state)
    failed = completed(intents(outputs)[0], ActionState.FAILED, healthy=False)
    _, outputs = run(planning, failed, decision(decision_id="d2", autonomous=False), state=state)
    assert requests(outputs) == []


def test_what_is_on_record_is_what_an_answer_is_to() -> None:
    """After a crash the plan may have been made anew from changed targets; people saw the first."""
    planning = stage()
    state, request = asked(planning)
    assert state.proposal is not None
    anew = replace(state, proposal=replace(state.proposal, plan="{}", plan_hash="1" * 64))
    _, outputs = run(planning, event("ApprovalRequested", request), answer(request), state=anew)
    assert intents(outputs)[0].plan_hash == request["plan_hash"]


def test_the_end_of_the_episode_ends_the_wait() -> None:
    """There is nothing left to approve."""
    planning = stage()
    state, request = asked(planning)
    _, outputs = run(planning, event("IncidentResolved", {"how": "alerts cleared"}), answer(request), state=state)
    assert outputs == []
