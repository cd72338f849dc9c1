"""Plans that wait for a person: asking, and what an answer leads to.

What is approved is one exact plan with its evidence, by hash. It is carried out as it was shown, or not at all.
"""

import json
from dataclasses import replace

from agents.resolution.plan import Plan, canonical, intent_of, plan_hash
from agents.resolution.planning_outputs import ROLE, intent
from agents.resolution.planning_state import Held, Proposal
from schemas.convert import from_dict
from schemas.identity import stable_id
from schemas.records.command import ApprovalAnswer, ApprovalRequest
from schemas.records.vocabulary import Agent, Evidence, Millis
from state.commands import append_event
from state.incident import EventType
from state.personal import anonymous
from streams.stage import Output
from streams.topics import COMMANDS


def propose(plan: Plan, held: Held, valid_s: float) -> Proposal:
    """The plan as it waits: its text, hash, and until when an answer counts; the same for the same plan."""
    text = canonical(plan)
    return Proposal(
        approval_id=stable_id("approval", plan.action_id),
        held=held,
        plan=text,
        plan_hash=plan_hash(text),
        expires_at=plan.intended_at + int(valid_s * 1000),
    )


def request(proposal: Proposal, reason: str) -> Output:
    """The command that puts on record what waits for whom, and why it was not done without them."""
    plan, decision = plan_of(proposal), proposal.held.decision
    record = ApprovalRequest(
        approval_id=proposal.approval_id,
        incident_id=plan.incident_id,
        tenant=plan.tenant,
        environment=plan.environment,
        service=decision.service,
        episode=plan.episode,
        decision_id=plan.decision_id,
        action_id=plan.action_id,
        action=plan.action,
        target=plan.service,
        executor=plan.executor,
        role=ROLE,
        reason=reason,
        plan=proposal.plan,
        plan_hash=proposal.plan_hash,
        cost=plan.cost,
        evidence_at=decision.evidence_at,
        expires_at=proposal.expires_at,
        occurred_at=plan.intended_at,
    )
    return _said(EventType.APPROVAL_REQUESTED, proposal, record, plan.intended_at)


def expired(proposal: Proposal, now: Millis) -> Output:
    """The command that says that nobody answered in time."""
    why = "Nobody answered in time; the plan will not be carried out. It can be done by hand."
    answer = ApprovalAnswer(approval_id=proposal.approval_id, plan_hash=proposal.plan_hash, by="breakwater", why=why)
    return _said(EventType.APPROVAL_EXPIRED, proposal, answer, now)


def approved(proposal: Proposal, answer: ApprovalAnswer, source: Evidence, now: Millis) -> tuple[Output, ...]:
    """The intent of the plan as it was approved, with who approved it; its evidence is the answer's own record."""
    held = replace(proposal.held, source=source)
    signed = {"approval_id": proposal.approval_id, "approved_by": answer.by}
    record = intent_of(plan_of(proposal), {**held.decision.parameters, **signed})
    return intent(replace(record, occurred_at=now), held)


def obstacle_to(proposal: Proposal, answer: ApprovalAnswer, now: Millis) -> str:
    """Why an approval that was given does not count any more, as a sentence; empty where it does."""
    if answer.plan_hash != proposal.plan_hash:
        return "An approval was given to another plan than the one that waits. Nothing was done."
    if now > proposal.expires_at:
        late_s = (now - proposal.expires_at) / 1000
        return f"{anonymous(answer.by)} approved the plan {late_s:.0f} s after it had expired. Nothing was done."
    return ""


def plan_of(proposal: Proposal) -> Plan:
    """The plan in its text."""
    return from_dict(Plan, json.loads(proposal.plan))


def _said(kind: EventType, proposal: Proposal, payload: ApprovalRequest | ApprovalAnswer, now: Millis) -> Output:
    decision = proposal.held.decision
    command = append_event(
        kind,
        incident_id=decision.incident_id,
        tenant=decision.tenant,
        episode=decision.episode,
        payload=payload,
        agent=Agent.RESOLUTION,
        occurred_at=now,
        source=proposal.held.source,
        causation_id=proposal.approval_id,
    )
    return Output(COMMANDS, decision.incident_id, command)
