"""The exact plan of an action, and the hash that an approval or an intent binds to.

The plan travels inside the intent's record, so what is carried out is what was decided on, whatever has changed since.
"""

import hashlib
import json
import re
from dataclasses import dataclass

from agents.resolution.errors import PlanError
from agents.resolution.targets import Target
from schemas.convert import from_dict, to_dict
from schemas.identity import stable_id
from schemas.records.command import ActionRecord, ActionState, Decision
from schemas.records.vocabulary import Action, Evidence, Millis

# The record's parameter that holds the plan's canonical JSON.
PLAN = "plan"

_STEPS = {
    Action.RESTART: "stop {name} and start it again",
    Action.SCALE_UP: "start one more instance of {name}",
    Action.ROLLBACK: "start {name} by its previous command",
}
_UNDO = {
    Action.RESTART: "if it stays unhealthy: ask a human (a restart cannot be undone)",
    Action.SCALE_UP: "if it stays unhealthy: stop the new instance",
    Action.ROLLBACK: "if it stays unhealthy: start it by its present command again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done to which target, at what cost, and which records say that it should be.

    `name` is the unit or the container. `evidence` are topic/partition/offset, sorted.
    """

    action_id: str
    incident_id: str
    episode: int
    decision_id: str
    tenant: str
    environment: str
    service: str
    action: Action
    executor: str
    name: str
    health_url: str
    max_instances: int
    cost: float
    risk: str
    steps: list[str]
    evidence: list[str]
    intended_at: Millis


def make_plan(decision: Decision, target: Target, now: Millis) -> Plan:
    """The plan of a decision's action on a target: the same for the same arguments."""
    texts = (_STEPS[decision.action], _UNDO[decision.action])
    do, undo = (text.format(name=target.handle) for text in texts)
    return Plan(
        action_id=action_id(decision),
        incident_id=decision.incident_id,
        episode=decision.episode,
        decision_id=decision.decision_id,
        tenant=decision.tenant,
        environment=decision.environment,
        service=decision.target,
        action=decision.action,
        executor=target.executor,
        name=target.handle,
        health_url=str(target.health_url),
        max_instances=target.max_instances,
        cost=estimated_cost(decision.action, target),
        risk=target.risk,
        steps=["dry run: can this be done?", do, f"verify {target.health_url}", undo],
        evidence=sorted({_position(e) for vote in decision.votes for e in vote.evidence}),
        intended_at=now,
    )


def action_id(decision: Decision) -> str:
    """The id of the one action that a decision can lead to."""
    return stable_id("action", decision.incident_id, decision.episode, decision.decision_id)


def estimated_cost(action: Action, target: Target) -> float:
    """Money that the action costs: an operator's figure for one action on the target; waiting costs nothing."""
    return 0.0 if action == Action.NOOP else target.cost_per_action


def canonical(plan: Plan) -> str:
    """The one JSON text of a plan."""
    return json.dumps(to_dict(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plan_hash(text: str) -> str:
    """SHA-256 of a plan's canonical text, evidence included; 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def intent_of(plan: Plan, parameters: dict[str, str]) -> ActionRecord:
    """The record that says: this will be done now."""
    text = canonical(plan)
    return ActionRecord(
        action_id=plan.action_id,
        incident_id=plan.incident_id,
        tenant=plan.tenant,
        environment=plan.environment,
        service=plan.service,
        episode=plan.episode,
        decision_id=plan.decision_id,
        state=ActionState.INTENDED,
        action=plan.action,
        target=plan.service,
        executor=plan.executor,
        parameters={**parameters, PLAN: text},
        plan_hash=plan_hash(text),
        cost=plan.cost,
        healthy=False,
        checks=0,
        reconciled=False,
        detail="; ".join(plan.steps),
        occurred_at=plan.intended_at,
    )


def refusal_of(decision: Decision, reason: str, target: Target | None, now: Millis) -> ActionRecord:
    """The record that says: this was decided and will not be done, because of `reason`."""
    return ActionRecord(
        action_id=action_id(decision),
        incident_id=decision.incident_id,
        tenant=decision.tenant,
        environment=decision.environment,
        service=decision.target,
        episode=decision.episode,
        decision_id=decision.decision_id,
        state=ActionState.REFUSED,
        action=decision.action,
        target=decision.target,
        executor=target.executor if target else "",
        parameters=decision.parameters,
        plan_hash="",
        cost=estimated_cost(decision.action, target) if target else 0.0,
        healthy=False,
        checks=0,
        reconciled=False,
        detail=reason,
        occurred_at=now,
    )


# Executors name files by it.
_ACTION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def plan_in(intent: ActionRecord) -> Plan:
    """The plan that an intent carries.

    Raises:
        PlanError: there is none, or it is not the one that the intent's hash is of: it must not be carried out.
    """
    if not _ACTION_ID.fullmatch(intent.action_id):
        raise PlanError("The intent's action_id is none that this program makes, so it is not carried out.")
    text = intent.parameters.get(PLAN, "")
    if not text or plan_hash(text) != intent.plan_hash:
        raise PlanError(
            f"The intent {intent.action_id} carries no plan that its hash is of, so it is not carried out. "
            "Run `breakwater events verify` and look for who wrote it."
        )
    try:
        plan = from_dict(Plan, json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise PlanError(
            f"The plan of {intent.action_id} is of another version of the program ({error}), so it is not carried out."
        ) from error
    if (plan.action_id, plan.incident_id) != (intent.action_id, intent.incident_id):
        raise PlanError(f"The intent {intent.action_id} carries the plan of {plan.action_id}; it is not carried out.")
    return plan


def _position(evidence: Evidence) -> str:
    return f"{evidence.topic}/{evidence.partition}/{evidence.offset}"
