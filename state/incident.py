"""The incident aggregate: its state, which is only ever a fold of events, and which events it admits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas.records.command import ApprovalState
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Millis
from state.changed import changed, putter
from state.errors import ForeignEventError
from state.json_text import read_object
from state.shapes import Fields, Misfit, shape


class Status(StrEnum):
    """Where an episode stands. RESOLVED and CLOSED end it."""

    NONE = "none"
    OPEN = "open"
    DIAGNOSED = "diagnosed"
    DECIDED = "decided"
    REMEDIATING = "remediating"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    CLOSED = "closed"


ENDED = frozenset({Status.NONE, Status.RESOLVED, Status.CLOSED})

# What the fold raises over a payload that lacks what it needs.
UNFIT = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


class EventType(StrEnum):
    """The facts about an incident, in the past tense, and by whom they are written.

    Payload keys, in brackets those that the fold reads:
    IncidentOpened (detection): the IncidentCandidate record [service, environment, tier, severity, title, classification,
    confidence, parent_incident_id and affected_users if there]
    IncidentReclassified (detection): the IncidentCandidate record [severity, title, classification, confidence,
    parent_incident_id and affected_users if there]
    StormOpened, StormClosed (sampling's word, by detection): the StormChanged record [rate_per_s]
    AlertsAccounted (detection): [received, kept, suppressed, late, dead_lettered], totals since the incident's first alert
    PredictionMade (prediction): the Prediction record [probability, breach_in_s]
    DiagnosisMade (diagnosis): the Diagnosis record [root_cause, classification, confidence, parent_incident_id]
    DecisionMade (consensus): the Decision record, votes included [all of it, as `decision`]
    HumanRequested (consensus, resolution): [role, reason], tried: list of what was tried
    IncidentAcknowledged (operator): by, via: somebody outside has taken it on; its episode may be 0, the one that is under way
    ApprovalRequested (resolution): the ApprovalRequest record [all of it, as `approval`, with its state]
    ApprovalGiven, ApprovalRefused (operator), ApprovalExpired (resolution): the ApprovalAnswer record [all of it]
    ActionIntended, ActionCompleted (resolution): the ActionRecord [all of it, in `actions` by action_id]
    NotificationQueued, NotificationSent (communication): the Notification record [notification_id, state]
    IncidentResolved (resolution, detection): [how]; IncidentClosed (detection, operator): [reason]
    """

    INCIDENT_OPENED = "IncidentOpened"
    INCIDENT_RECLASSIFIED = "IncidentReclassified"
    STORM_OPENED = "StormOpened"
    STORM_CLOSED = "StormClosed"
    ALERTS_ACCOUNTED = "AlertsAccounted"
    PREDICTION_MADE = "PredictionMade"
    DIAGNOSIS_MADE = "DiagnosisMade"
    DECISION_MADE = "DecisionMade"
    HUMAN_REQUESTED = "HumanRequested"
    INCIDENT_ACKNOWLEDGED = "IncidentAcknowledged"
    APPROVAL_REQUESTED = "ApprovalRequested"
    APPROVAL_GIVEN = "ApprovalGiven"
    APPROVAL_REFUSED = "ApprovalRefused"
    APPROVAL_EXPIRED = "ApprovalExpired"
    ACTION_INTENDED = "ActionIntended"
    ACTION_COMPLETED = "ActionCompleted"
    NOTIFICATION_QUEUED = "NotificationQueued"
    NOTIFICATION_SENT = "NotificationSent"
    INCIDENT_RESOLVED = "IncidentResolved"
    INCIDENT_CLOSED = "IncidentClosed"


_MOST_USERS = 10_000_000_000

_ANSWERS = {
    EventType.APPROVAL_GIVEN: ApprovalState.GIVEN,
    EventType.APPROVAL_REFUSED: ApprovalState.REFUSED,
    EventType.APPROVAL_EXPIRED: ApprovalState.EXPIRED,
}

# These may still be said of an episode that has ended.
_AFTERWARDS = frozenset({
    EventType.ALERTS_ACCOUNTED, EventType.STORM_CLOSED, EventType.NOTIFICATION_QUEUED, EventType.NOTIFICATION_SENT,
    EventType.ACTION_COMPLETED,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentState:
    """All that is known of an incident, folded from its events. Times are epoch ms, `mttr_s` seconds."""

    incident_id: str
    tenant: str = ""
    version: int = 0
    head_hash: str = ""
    episode: int = 0
    status: Status = Status.NONE
    service: str = ""
    environment: str = ""
    tier: str = ""
    affected_users: int = 0
    severity: str = ""
    title: str = ""
    classification: str = ""
    confidence: float = 0.0
    root_cause: str = ""
    parent_incident_id: str | None = None
    storm: bool = False
    prediction: dict[str, Any] | None = None
    decision: dict[str, Any] | None = None
    actions: list[dict[str, Any]] = field(default_factory=list)
    escalation: dict[str, Any] | None = None
    notifications: dict[str, str] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    opened_at: Millis | None = None
    ended_at: Millis | None = None
    updated_at: Millis = 0
    mttr_s: float | None = None
    outcome: str = ""
    approval: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        """Whether an episode is under way."""
        return self.status not in ENDED


_KINDS = frozenset(str(kind) for kind in EventType)


def admits(state: IncidentState, kind: str, episode: int, payload: dict[str, Any]) -> str | None:
    """None where the incident takes an event of this kind now, else why not, as a sentence."""
    if kind not in _KINDS:
        return f"There is no event type {kind!r}."
    if kind == EventType.INCIDENT_OPENED:
        if state.active:
            return f"Episode {state.episode} is still {state.status}."
        return None if episode == state.episode + 1 else f"The next episode is {state.episode + 1}, not {episode}."
    # Who acknowledges from outside knows the incident, and not how often it has come back.
    if kind == EventType.INCIDENT_ACKNOWLEDGED and episode == 0:
        episode = state.episode
    if episode != state.episode or episode == 0:
        return f"The current episode is {state.episode}, not {episode}."
    if not state.active and kind not in _AFTERWARDS:
        return f"Episode {state.episode} has ended: it is {state.status}."
    if kind in _ANSWERS:
        return unanswerable(state.approval, payload)
    if kind == EventType.ACTION_INTENDED and any(a["state"] == "INTENDED" for a in state.actions):
        return "Another action is under way."
    if kind == EventType.ACTION_COMPLETED:
        states = {a["action_id"]: a["state"] for a in state.actions}
        known = states.get(payload.get("action_id", ""))
        if known != "INTENDED":
            return "There is no intent of this action." if known is None else f"The action has ended: it is {known}."
    return None


def unanswerable(approval: dict[str, Any] | None, answer: dict[str, Any]) -> str | None:
    """None where this plan waits for an answer, else why it does not, as a sentence. An answer is to one exact plan."""
    if approval is None or approval["approval_id"] != answer.get("approval_id"):
        return "No such plan waits for approval here."
    if approval["state"] != ApprovalState.PENDING:
        return f"The plan does not wait for approval any more: it is {approval['state'].lower()}."
    if approval["plan_hash"] != answer.get("plan_hash"):
        return f"The answer is to another plan: the one that waits has the hash {approval['plan_hash']}."
    return None


def evolve(state: IncidentState, event: IncidentEvent) -> IncidentState:
    """The state after an event. Total: an event of a type that this version does not know changes only the head.

    Raises:
        ForeignEventError: the event belongs to another incident.
        ValueError: the payload is no JSON object, or lacks what the fold needs (of UNFIT).
    """
    if event.incident_id != state.incident_id:
        raise ForeignEventError(f"Event {event.event_id} is of {event.incident_id}, not of {state.incident_id}.")
    return evolve_with(state, event, read_object(event.payload) if event.type in _FOLDS else {})


def evolve_with(state: IncidentState, event: IncidentEvent, payload: dict[str, Any]) -> IncidentState:
    """As `evolve`, for who has read the event's payload already; the state may keep it.

    Raises:
        ValueError: the payload lacks what the fold needs (of UNFIT).
    """
    apply = _FOLDS.get(event.type)
    if apply is None:
        return _headed(state, event)
    reads = _READS.get(event.type)
    if reads is not None and (why := reads(payload)):
        raise ValueError(why)
    after = apply(state, payload, event)
    if after is state:
        return _headed(state, event)
    # The fold has just made it, and nobody else has it: its head is set without another copy.
    _put_tenant(after, event.tenant)
    _put_version(after, event.version)
    _put_hash(after, event.hash)
    _put_updated(after, event.recorded_at)
    return after


def follow(state: IncidentState, event: IncidentEvent) -> IncidentState:
    """The state after an event that is on record, as `evolve` has it; one whose payload does not fit changes only the head.

    The sequencer records none such; a reader must not stand still before what another program wrote to the log.
    """
    try:
        return evolve(state, event)
    except UNFIT:
        return _headed(state, event)


def fold(incident_id: str, events: Iterable[IncidentEvent]) -> IncidentState:
    """The state after these events, in version order, from nothing."""
    state = IncidentState(incident_id=incident_id)
    for event in events:
        state = follow(state, event)
    return state


def _headed(state: IncidentState, event: IncidentEvent) -> IncidentState:
    return changed(
        state, tenant=event.tenant, version=event.version, head_hash=event.hash, updated_at=event.recorded_at
    )


_put_tenant, _put_version, _put_hash, _put_updated = (
    putter(IncidentState, name) for name in ("tenant", "version", "head_hash", "updated_at")
)


Fold = Callable[[IncidentState, dict[str, Any], IncidentEvent], IncidentState]


def _opened(state: IncidentState, p: dict[str, Any], event: IncidentEvent) -> IncidentState:
    fresh = IncidentState(incident_id=state.incident_id, alerts=state.alerts, notifications={})
    return changed(
        fresh, episode=event.episode, status=Status.OPEN, opened_at=event.recorded_at, service=p["service"],
        environment=p["environment"], tier=p["tier"], severity=p["severity"], title=p["title"],
        classification=p["classification"], confidence=p["confidence"], parent_incident_id=_parent(p, None),
        affected_users=affected_users(p))  # fmt: skip


def _parent(p: dict[str, Any], before: str | None) -> str | None:
    """The parent that a payload names, else the one from before: an incident that grouping put under another stays there."""
    named = p.get("parent_incident_id")
    return named if isinstance(named, str) and named else before


def affected_users(p: dict[str, Any], before: int = 0) -> int:
    """How many users a payload says are affected, at least as many as before."""
    named = p.get("affected_users")
    return max(int(named), before) if isinstance(named, int) and 0 <= named <= _MOST_USERS else before


def _reclassified(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    parent, users = _parent(p, state.parent_incident_id), affected_users(p, state.affected_users)
    state = changed(state, parent_incident_id=parent, affected_users=users)
    if state.status != Status.OPEN:  # a diagnosis outranks detection's first guess
        return changed(state, severity=p["severity"])
    return changed(state, severity=p["severity"], title=p["title"], classification=p["classification"],
                   confidence=p["confidence"])  # fmt: skip


def _storm_opened(state: IncidentState, _p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, storm=True)


def _storm_closed(state: IncidentState, _p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, storm=False)


def _accounted(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, alerts={k: p[k] for k in ("received", "kept", "suppressed", "late", "dead_lettered")})


def _predicted(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, prediction=p)


def _diagnosed(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    status = Status.DIAGNOSED if state.status == Status.OPEN else state.status
    return changed(state, status=status, root_cause=p["root_cause"], classification=p["classification"],
                   confidence=p["confidence"],
                   parent_incident_id=_parent(p, state.parent_incident_id))  # fmt: skip


def _decided(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    # The request for approval of this very decision may have come before it.
    asked = (state.approval or {}).get("decision_id") == p.get("decision_id")
    approval = state.approval if asked else _over(state.approval, ApprovalState.SUPERSEDED)
    return changed(state, status=Status.DECIDED, decision=p, approval=approval)


def _escalated(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, status=Status.ESCALATED, escalation=p)


def _approval_requested(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, status=Status.ESCALATED, approval={**p, "state": ApprovalState.PENDING.value})


def _answered(state: IncidentState, p: dict[str, Any], event: IncidentEvent) -> IncidentState:
    if state.approval is None or state.approval["approval_id"] != p["approval_id"]:
        return state
    how = _ANSWERS[EventType(event.type)]
    said = {"state": how.value, "by": p["by"], "why": p["why"], "answered_at": event.recorded_at}
    status = Status.DECIDED if how == ApprovalState.GIVEN else state.status
    return changed(state, status=status, approval={**state.approval, **said})


def _over(approval: dict[str, Any] | None, how: ApprovalState) -> dict[str, Any] | None:
    """The approval once nobody can answer it any more."""
    pending = approval is not None and approval["state"] == ApprovalState.PENDING
    return {**approval, "state": how.value} if approval is not None and pending else approval


def _intended(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    approval = _over(state.approval, ApprovalState.SUPERSEDED)
    return changed(state, status=Status.REMEDIATING, actions=[*state.actions, p], approval=approval)


def _completed(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, actions=[p if a["action_id"] == p["action_id"] else a for a in state.actions])


def _notified(state: IncidentState, p: dict[str, Any], _: IncidentEvent) -> IncidentState:
    return changed(state, notifications={**state.notifications, p["notification_id"]: p["state"]})


def _resolved(state: IncidentState, p: dict[str, Any], event: IncidentEvent) -> IncidentState:
    return _ended(state, Status.RESOLVED, p["how"], event)


def _closed(state: IncidentState, p: dict[str, Any], event: IncidentEvent) -> IncidentState:
    return _ended(state, Status.CLOSED, p["reason"], event)


def _ended(state: IncidentState, status: Status, outcome: str, event: IncidentEvent) -> IncidentState:
    took_s = (event.recorded_at - (state.opened_at or event.recorded_at)) / 1000
    # A storm is one of its episode. Sampling's word that it is over comes some calm windows later.
    approval = _over(state.approval, ApprovalState.OVER)
    return changed(state, status=status, outcome=outcome, storm=False, ended_at=event.recorded_at, mttr_s=took_s,
                   approval=approval)  # fmt: skip


# What each fold reads, and of which type: a payload without it may come from anybody who can write to Kafka.
_GUESS = {"severity": str, "title": str, "classification": str, "confidence": float}
_ACTION = {"action_id": str, "state": str}
_NOTIFICATION = {"notification_id": str, "state": str}
_ANSWER = {"approval_id": str, "plan_hash": str, "by": str, "why": str}
_READS: dict[str, Misfit] = {kind: shape(fields) for kind, fields in dict[EventType, Fields]({
    EventType.INCIDENT_OPENED: {"service": str, "environment": str, "tier": str, **_GUESS},
    EventType.INCIDENT_RECLASSIFIED: _GUESS,
    EventType.ALERTS_ACCOUNTED: dict.fromkeys(("received", "kept", "suppressed", "late", "dead_lettered"), int),
    EventType.DIAGNOSIS_MADE: {
        "root_cause": str, "classification": str, "confidence": float, "parent_incident_id": str | None},
    EventType.APPROVAL_REQUESTED: dict.fromkeys(("approval_id", "plan_hash", "decision_id"), str),
    EventType.APPROVAL_GIVEN: _ANSWER,
    EventType.APPROVAL_REFUSED: _ANSWER,
    EventType.APPROVAL_EXPIRED: _ANSWER,
    EventType.ACTION_INTENDED: _ACTION,
    EventType.ACTION_COMPLETED: _ACTION,
    EventType.NOTIFICATION_QUEUED: _NOTIFICATION,
    EventType.NOTIFICATION_SENT: _NOTIFICATION,
    EventType.INCIDENT_RESOLVED: {"how": str},
    EventType.INCIDENT_CLOSED: {"reason": str},
}).items()}  # fmt: skip

_FOLDS: dict[str, Fold] = {
    EventType.INCIDENT_OPENED: _opened,
    EventType.INCIDENT_RECLASSIFIED: _reclassified,
    EventType.STORM_OPENED: _storm_opened,
    EventType.STORM_CLOSED: _storm_closed,
    EventType.ALERTS_ACCOUNTED: _accounted,
    EventType.PREDICTION_MADE: _predicted,
    EventType.DIAGNOSIS_MADE: _diagnosed,
    EventType.DECISION_MADE: _decided,
    EventType.HUMAN_REQUESTED: _escalated,
    EventType.APPROVAL_REQUESTED: _approval_requested,
    EventType.APPROVAL_GIVEN: _answered,
    EventType.APPROVAL_REFUSED: _answered,
    EventType.APPROVAL_EXPIRED: _answered,
    EventType.ACTION_INTENDED: _intended,
    EventType.ACTION_COMPLETED: _completed,
    EventType.NOTIFICATION_QUEUED: _notified,
    EventType.NOTIFICATION_SENT: _notified,
    EventType.INCIDENT_RESOLVED: _resolved,
    EventType.INCIDENT_CLOSED: _closed,
}
