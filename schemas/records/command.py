"""What the command app says: decisions with their votes, actions, notifications."""

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.records.vocabulary import Action, Agent, Evidence, Millis, Severity, Tier, personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One participant's part in a decision."""

    agent: Agent
    weight: float
    action: Action
    target: str
    confidence: float
    rationale: str
    evidence: list[Evidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What consensus settled on for an episode, and whether it may be carried out without a human."""

    decision_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    tier: Tier
    episode: int
    action: Action
    target: str
    parameters: dict[str, str]
    score: float
    confidence: float
    support: float
    autonomous: bool
    escalated_to: str
    reason: str
    fallback: bool
    votes: list[Vote]
    evidence_at: Millis
    occurred_at: Millis


class ActionState(StrEnum):
    """How far an action has come; all but INTENDED end it."""

    INTENDED = "INTENDED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """The intent of an action (before its effect) or its outcome (after its verification), on `actions`."""

    action_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    episode: int
    decision_id: str
    state: ActionState
    action: Action
    target: str
    executor: str
    parameters: dict[str, str]
    plan_hash: str
    cost: float
    healthy: bool
    checks: int
    reconciled: bool
    detail: str
    occurred_at: Millis


class ApprovalState(StrEnum):
    """What became of a plan that waits for a person; all but PENDING end the wait.

    SUPERSEDED: a later decision or action took its place. OVER: its episode ended before anybody answered.
    """

    PENDING = "PENDING"
    GIVEN = "GIVEN"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    OVER = "OVER"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """A plan that is carried out only if a person says so before `expires_at`; the payload of ApprovalRequested.

    `plan` is the plan's canonical JSON, its evidence included, and `plan_hash` the SHA-256 that an answer binds to.
    """

    approval_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    episode: int
    decision_id: str
    action_id: str
    action: Action
    target: str
    executor: str
    role: str
    reason: str
    plan: str
    plan_hash: str
    cost: float
    evidence_at: Millis
    expires_at: Millis
    occurred_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAnswer:
    """Who said what to which plan, and why; the payload of ApprovalGiven, ApprovalRefused and ApprovalExpired."""

    approval_id: str
    plan_hash: str
    by: str = personal("by")
    why: str = personal("by")


class NotificationState(StrEnum):
    """How far a notification has come."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    SUPPRESSED = "SUPPRESSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message to people by one channel; `dedup_key` (incident:status:severity) is told once in its window."""

    notification_id: str
    incident_id: str
    tenant: str
    episode: int
    sequence: int
    channel: str
    state: NotificationState
    status: str
    severity: Severity
    dedup_key: str
    title: str
    body: str
    detail: str
    occurred_at: Millis
    links: dict[str, str] = field(default_factory=dict)
