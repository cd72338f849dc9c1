"""What the planning stage remembers of an incident, and how events of the log change it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agents.resolution.runbook import Remedy, learn
from schemas.records.command import ActionState, Decision
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action, Classification, Evidence, Millis, Tier
from state.incident import EventType
from streams.stage import Position

# Actions that helped remembered an incident: more than are ever done in the window that they are looked at for.
_REMEMBERED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Which service the incident is of."""

    tenant: str
    environment: str
    service: str
    tier: Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that time will tell: an action's outcome, or alerts that should clear; `source` is what it came of.

    `asked`: a human has been asked about it.
    """

    about: str
    tenant: str
    since: Millis
    source: Evidence
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A decision and where it lies; held back while an action is under way."""

    decision: Decision
    source: Evidence

    def waiting(self, about: str, since: Millis) -> Waiting:
        """What is waited for because of it."""
        return Waiting(about=about, tenant=self.decision.tenant, since=since, source=self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan, as its canonical JSON, that waits for a person until `expires_at`, and the decision that it is of."""

    approval_id: str
    held: Held
    plan: str
    plan_hash: str
    expires_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Helped:
    """An action after which the service was verified healthy, when that was told, and how, as a sentence."""

    action: Action
    at: Millis
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningState:
    """One incident: its present episode; and what outlives episodes, the runbook and the actions that `helped` of late.

    `voted` is the classification that was voted on; `tried` tells people, a sentence an action, what was done.
    `decisions` are those that were taken up; `action` is about an action_id, `idle` about a decision_id. `proposal` waits
    for a person; `declined` are actions that a person refused.
    """

    episode: int = 0
    active: bool = False
    subject: Subject | None = None
    classification: Classification = Classification.UNKNOWN
    voted: Classification | None = None
    decisions: list[str] = field(default_factory=list)
    failed: list[Action] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    action: Waiting | None = None
    held: Held | None = None
    idle: Waiting | None = None
    runbook: list[Remedy] = field(default_factory=list)
    helped: list[Helped] = field(default_factory=list)
    proposal: Proposal | None = None
    declined: list[Action] = field(default_factory=list)

    def helped_since(self, since: Millis) -> list[Helped]:
        """The actions that helped from then on. Where the incident is here again, none of them lasted."""
        return [each for each in self.helped if each.at >= since]


def in_episode(state: PlanningState, episode: int) -> PlanningState:
    """The state in `episode`: of a later one than known, only the subject and what remedies did are carried over."""
    if episode <= state.episode:
        return state
    return PlanningState(
        episode=episode, active=True, subject=state.subject, runbook=state.runbook, helped=state.helped
    )


def learnt(state: PlanningState, event: IncidentEvent, position: Position) -> PlanningState:
    """The state after an event of LEARNS. Events of episodes before the present one say nothing any more."""
    known = in_episode(state, event.episode)
    if event.episode < known.episode:
        return known
    return LEARNS[event.type](known, json.loads(event.payload), position)


def _classified(state: PlanningState, p: dict[str, Any], _: Position) -> PlanningState:
    return replace(state, classification=Classification(p["classification"]))


def _intended(state: PlanningState, p: dict[str, Any], position: Position) -> PlanningState:
    if state.action is not None and state.action.about == p["action_id"]:
        return state
    source = position.evidence(f"{p['action']} on {p['target']} intended")
    return replace(
        state,
        action=Waiting(about=p["action_id"], tenant=p["tenant"], since=position.arrived_at, source=source),
    )


def _completed(state: PlanningState, p: dict[str, Any], position: Position) -> PlanningState:
    action, healthy = Action(p["action"]), p["state"] == ActionState.SUCCEEDED and p["healthy"]
    told = f"{action} on {p['target']}: {p['state'].lower().replace('_', ' ')}. {p['detail']}"
    # Without a health check nothing was done, so nothing was learnt of the remedy.
    runbook = learn(state.runbook, state.classification, action, healthy=healthy) if p["checks"] else state.runbook
    helped = [*state.helped, Helped(action=action, at=position.arrived_at, told=told)][-_REMEMBERED:]
    return replace(
        state,
        action=None if state.action and state.action.about == p["action_id"] else state.action,
        failed=state.failed if healthy or action in state.failed else [*state.failed, action],
        tried=[*state.tried, told],
        runbook=runbook,
        helped=helped if healthy else state.helped,
    )


def _asked(state: PlanningState, _p: dict[str, Any], _: Position) -> PlanningState:
    return replace(state, idle=None)  # whoever was asked looks at it now


def _proposed(state: PlanningState, p: dict[str, Any], _: Position) -> PlanningState:
    """What is on record is what people see: after a crash in between it may be an earlier making of the same proposal."""
    if state.proposal is None or state.proposal.approval_id != p["approval_id"]:
        return state
    recorded = replace(state.proposal, plan=p["plan"], plan_hash=p["plan_hash"], expires_at=p["expires_at"])
    return replace(state, proposal=recorded)


def _given(state: PlanningState, _p: dict[str, Any], _: Position) -> PlanningState:
    return state  # the stage carries it out


def _declined(state: PlanningState, p: dict[str, Any], _: Position) -> PlanningState:
    if state.proposal is None or state.proposal.approval_id != p["approval_id"]:
        return state
    action = state.proposal.held.decision.action
    told = f"{action} was refused by {p['by']}: {p['why']}"
    return replace(state, proposal=None, declined=[*state.declined, action], tried=[*state.tried, told])


def _expired(state: PlanningState, p: dict[str, Any], _: Position) -> PlanningState:
    waiting = state.proposal is not None and state.proposal.approval_id == p["approval_id"]
    return replace(state, proposal=None) if waiting else state


def _ended(state: PlanningState, _p: dict[str, Any], _: Position) -> PlanningState:
    return replace(state, active=False, held=None, idle=None, proposal=None)


def _opened(state: PlanningState, p: dict[str, Any], position: Position) -> PlanningState:
    subject = Subject(tenant=p["tenant"], environment=p["environment"], service=p["service"], tier=Tier(p["tier"]))
    return _classified(replace(state, subject=subject), p, position)


# The events that the stage learns from.
LEARNS: dict[str, Callable[[PlanningState, dict[str, Any], Position], PlanningState]] = {
    EventType.INCIDENT_OPENED: _opened,
    EventType.INCIDENT_RECLASSIFIED: _classified,
    EventType.DIAGNOSIS_MADE: _classified,
    EventType.ACTION_INTENDED: _intended,
    EventType.ACTION_COMPLETED: _completed,
    EventType.HUMAN_REQUESTED: _asked,
    EventType.APPROVAL_REQUESTED: _proposed,
    EventType.APPROVAL_GIVEN: _given,
    EventType.APPROVAL_REFUSED: _declined,
    EventType.APPROVAL_EXPIRED: _expired,
    EventType.INCIDENT_RESOLVED: _ended,
    EventType.INCIDENT_CLOSED: _ended,
}
