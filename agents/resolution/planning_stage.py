"""The planning stage: votes by the runbook, and turns a decision into an intent, or into a plan that waits for a person.

It never plans what the operator does not allow (targets, budget, risk), what rests on stale evidence, what already failed
in this episode, what helps again and again and does not last, or a second action while one is under way. Whatever it
refuses, a human is told of with the reason; what a human may allow waits for approval of the exact plan.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agents.resolution.approval import approved, expired, obstacle_to, propose, request
from agents.resolution.errors import TargetsError
from agents.resolution.gate import PlanningLimits, forbidden, unapproved
from agents.resolution.plan import action_id, intent_of, make_plan
from agents.resolution.planning_outputs import intent, question, refusal, vote
from agents.resolution.planning_state import LEARNS, Held, PlanningState, Subject, Waiting, in_episode, learnt
from agents.resolution.runbook import advise
from agents.resolution.targets import Target, Targets
from schemas.convert import from_dict, to_dict
from schemas.records.analysis import CandidateState, IncidentCandidate
from schemas.records.command import ApprovalAnswer, Decision
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action, Millis
from state.incident import EventType
from streams.stage import Output, Position, Received, Step
from streams.topics import CANDIDATES, DECISIONS, EVENTS, Topic


class PlanningStage:
    """Implements Stage[PlanningState], by incident."""

    name = "planning"
    sources: tuple[Topic, ...] = (DECISIONS, CANDIDATES, EVENTS)
    views: tuple[Topic, ...] = ()

    def __init__(self, targets: Targets, limits: PlanningLimits) -> None:
        self._targets, self._limits = targets, limits

    def key(self, received: Received[Any]) -> str | None:
        """The incident; events that say nothing about remedies are passed over."""
        record = received.record
        if isinstance(record, IncidentEvent) and record.type not in LEARNS:
            return None
        found: str = record.incident_id
        return found

    def initial(self, key: str) -> PlanningState:  # noqa: ARG002 - the protocol's shape
        """Nothing is known."""
        return PlanningState()

    def decide(self, state: PlanningState, received: Received[Any]) -> Step[PlanningState]:
        """Vote on a candidate, plan a decision, learn from an event."""
        record, position = received.record, received.position
        if isinstance(record, IncidentCandidate):
            return self._on_candidate(state, record, position)
        if isinstance(record, Decision):
            source = position.evidence(f"decision: {record.action} on {record.target}")
            return self._on_decision(state, Held(decision=record, source=source), position.arrived_at)
        return self._on_event(state, record, position)

    def waits(self, state: PlanningState) -> bool:
        """While alerts should clear, an action's outcome is awaited, or a plan waits for a person."""
        unknown = state.action is not None and not state.action.asked
        return state.active and (state.idle is not None or unknown or state.proposal is not None)

    def tick(self, key: str, state: PlanningState, now: Millis) -> Step[PlanningState] | None:
        """Ask a human when waiting did not help, or when an action's outcome stays unknown; end an approval's wait."""
        if state.proposal and now > state.proposal.expires_at:
            return Step(replace(state, proposal=None), (expired(state.proposal, now),))
        limits = self._limits
        if state.idle and now - state.idle.since >= limits.noop_limit_s * 1000:
            reason = (
                f"It was decided to wait for the alerts to clear, and after {limits.noop_limit_s:.0f} s they have not. "
                "Look for the cause, or at the parent incident if there is one."
            )
            return Step(replace(state, idle=None), (question(key, state, state.idle, reason, now),))
        action = state.action
        if action and not action.asked and now - action.since >= limits.outcome_limit_s * 1000:
            reason = (
                f"An action was begun and its outcome is unknown after {limits.outcome_limit_s:.0f} s. "
                "Look at the service itself, and whether the command worker runs."
            )
            return Step(
                replace(state, action=replace(action, asked=True)), (question(key, state, action, reason, now),)
            )
        return None

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: PlanningState) -> dict[str, Any]:
        """As JSON holds it."""
        return to_dict(state)

    def load(self, fields: dict[str, Any]) -> PlanningState:
        """What `dump` wrote."""
        return from_dict(PlanningState, fields)

    def _on_candidate(
        self, state: PlanningState, candidate: IncidentCandidate, position: Position
    ) -> Step[PlanningState]:
        if candidate.state != CandidateState.OPEN or candidate.episode < state.episode:
            return Step(state)
        known = in_episode(state, candidate.episode)
        if not known.active or known.voted == candidate.classification:
            return Step(known)
        subject = Subject(
            tenant=candidate.tenant, environment=candidate.environment, service=candidate.service, tier=candidate.tier
        )
        kind = candidate.classification
        known = replace(known, subject=subject, classification=kind, voted=kind)
        return Step(known, (self._vote(candidate.incident_id, known, subject, position, candidate.title),))

    def _vote(
        self, incident_id: str, state: PlanningState, subject: Subject, position: Position, because: str
    ) -> Output:
        target, _ = self._target(subject.tenant, subject.environment, subject.service)
        allowed: Callable[[Action], bool] = target.allows if target else (lambda _: True)
        advice = advise(state.runbook, state.classification, failed=state.failed, allowed=allowed)
        return vote(incident_id, state, subject, advice, position, because)

    def _on_decision(self, state: PlanningState, held: Held, now: Millis) -> Step[PlanningState]:
        decision = held.decision
        known = in_episode(state, decision.episode)
        if decision.episode < known.episode or not known.active:
            return Step(known)
        if decision.decision_id in known.decisions:
            return Step(known)  # consensus says it again after a crash
        if known.action is not None:
            return Step(replace(known, held=held))
        # Whatever waited for approval was an earlier decision's.
        known = replace(known, decisions=[*known.decisions, decision.decision_id], proposal=None)
        if decision.action == Action.NOOP:
            # Where a human was asked, nobody waits in silence.
            idle = held.waiting(decision.decision_id, now) if decision.autonomous else known.idle
            return Step(replace(known, idle=idle))
        if not decision.autonomous:
            return self._ask(known, held, now)
        return self._plan(replace(known, idle=None), held, now)

    def _ask(self, state: PlanningState, held: Held, now: Millis) -> Step[PlanningState]:
        """Offer a person the plan of a decision that needs them; consensus has told them why."""
        decision = held.decision
        target, fault = self._target(decision.tenant, decision.environment, decision.target)
        if target is None or fault or forbidden(decision, target, failed=state.failed, declined=state.declined):
            return Step(state)
        return self._proposed(state, held, target, decision.reason, now)

    def _proposed(
        self, state: PlanningState, held: Held, target: Target, reason: str, now: Millis
    ) -> Step[PlanningState]:
        proposal = propose(make_plan(held.decision, target, now), held, self._limits.approval_s)
        return Step(replace(state, proposal=proposal), (request(proposal, reason),))

    def _plan(self, state: PlanningState, held: Held, now: Millis) -> Step[PlanningState]:
        decision = held.decision
        target, fault = self._target(decision.tenant, decision.environment, decision.target)
        helped = state.helped_since(now - int(self._limits.repeats_within_s * 1000))
        never = fault or forbidden(decision, target, failed=state.failed, declined=state.declined)
        done = [each.action for each in helped]
        alone = (
            "" if never or target is None else unapproved(decision, target, helped=done, limits=self._limits, now=now)
        )
        if never or alone or target is None:
            # Of an incident that comes back, people are told what was done in its earlier episodes, too.
            state = replace(
                state, tried=[*(each.told for each in helped if each.told not in state.tried), *state.tried]
            )
            outputs = refusal(state, held, never or alone, target, now)
            if never or target is None:
                return Step(state, outputs)
            asked = self._proposed(state, held, target, alone, now)
            return Step(asked.state, (*outputs, *asked.outputs))
        plan = make_plan(decision, target, now)
        record = intent_of(plan, decision.parameters)
        return Step(replace(state, action=held.waiting(plan.action_id, now)), intent(record, held))

    def _on_approval(self, state: PlanningState, event: IncidentEvent, position: Position) -> Step[PlanningState]:
        """Carry out what a person approved, exactly; where it does not count any more they are told why."""
        answer, now = from_dict(ApprovalAnswer, json.loads(event.payload)), position.arrived_at
        proposal = state.proposal
        waiting = state.active and state.action is None and proposal is not None
        if not waiting or proposal is None or answer.approval_id != proposal.approval_id:
            return Step(state)
        known, decision = replace(state, proposal=None), proposal.held.decision
        source = position.evidence(f"{decision.action} on {decision.target} approved by {answer.by}")
        about = Waiting(about=proposal.approval_id, tenant=decision.tenant, since=now, source=source)
        if reason := obstacle_to(proposal, answer, now):
            return Step(known, (question(event.incident_id, known, about, reason, now),))
        about = replace(about, about=action_id(decision))
        return Step(replace(known, action=about, idle=None), approved(proposal, answer, source, now))

    def _target(self, tenant: str, environment: str, service: str) -> tuple[Target | None, str]:
        try:
            return self._targets.find(tenant, environment, service), ""
        except TargetsError as error:
            return None, str(error)

    def _on_event(self, state: PlanningState, event: IncidentEvent, position: Position) -> Step[PlanningState]:
        known = learnt(state, event, position)
        if event.type == EventType.APPROVAL_GIVEN:
            return self._on_approval(known, event, position)
        outputs: tuple[Output, ...] = ()
        if known.active and known.subject and len(known.failed) > len(state.failed):
            outputs = (self._vote(event.incident_id, known, known.subject, position, known.tried[-1]),)
        if known.active and known.held and known.action is None:
            step = self._on_decision(replace(known, held=None), known.held, position.arrived_at)
            return Step(step.state, (*outputs, *step.outputs))
        return Step(known, outputs)
