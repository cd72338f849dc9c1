"""Payloads of each event type as the stages write them, from the stages' own records."""

from collections.abc import Callable
from typing import Any

from schemas.convert import to_dict
from schemas.records.analysis import CandidateState, DataQuality, Diagnosis, Hypothesis, IncidentCandidate, Prediction
from schemas.records.command import (
    ActionRecord,
    ActionState,
    ApprovalAnswer,
    ApprovalRequest,
    Decision,
    Notification,
    NotificationState,
    Vote,
)
from schemas.records.sampling import FingerprintCount, StormChanged
from schemas.records.vocabulary import Action, Agent, Classification, Evidence, Severity, Tier
from state.incident import EventType, IncidentState

EVIDENCE = Evidence(topic="alerts.sampled", partition=0, offset=7, summary="Heap at 91 % of its limit")
# What tests may vary: fields of the payload by name.
Changes = dict[str, Any]


def payload_of(kind: EventType, state: IncidentState, at_ms: int, ordinal: int, **changes: Any) -> Changes:
    """A payload that an incident in this state admits, if it admits the kind; `changes` replace fields."""
    return {**_PAYLOADS[kind](state, at_ms, ordinal), **changes}


def _names(state: IncidentState) -> dict[str, Any]:
    return {
        "incident_id": state.incident_id,
        "tenant": state.tenant or "default",
        "environment": state.environment or "production",
        "service": state.service or "checkout",
    }


def _candidate(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
    record = IncidentCandidate(
        candidate_id=f"candidate-{ordinal}",
        tier=Tier.CRITICAL,
        episode=state.episode,
        state=CandidateState.OPEN,
        severity=Severity.CRITICAL,
        classification=Classification.MEMORY_LEAK,
        confidence=0.8,
        confidence_low=0.6,
        confidence_high=0.9,
        quality=DataQuality(sources=["alerts", "metrics"], missing=["traces"], stale_s=0.4, late_share=0.0),
        title="checkout: memory grows without bound",
        occurred_at=at_ms,
        evidence=[EVIDENCE],
        **_names(state),
    )
    return to_dict(record)


def _storm(opened: bool) -> Callable[[IncidentState, int, int], Changes]:
    def storm(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
        names = _names(state)
        del names["environment"]
        record = StormChanged(
            storm_id=f"storm-{ordinal}",
            open=opened,
            rate_per_s=812.5,
            baseline_per_s=2.0,
            loudest=[FingerprintCount(fingerprint="f1", name="HeapHigh", count=640)],
            occurred_at=at_ms,
            partition=0,
            upto=ordinal,
            distinct_sources=12,
            **names,
        )
        return to_dict(record)

    return storm


def _accounted(_state: IncidentState, _at_ms: int, ordinal: int) -> Changes:
    kept, suppressed, late, dead = 10 + ordinal, 900 * ordinal, 3, 1
    total = kept + suppressed + late + dead
    return {"received": total, "kept": kept, "suppressed": suppressed, "late": late, "dead_lettered": dead}


def _prediction(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
    names = _names(state)
    record = Prediction(
        prediction_id=f"prediction-{ordinal}",
        series="default/production/checkout/memory_limit_ratio",
        metric="memory_limit_ratio",
        probability=0.93,
        level=0.95,
        value=0.83,
        trend_per_min=0.02,
        from_s=0,
        to_s=900,
        breach_in_s=340.0,
        model="holt-winters",
        occurred_at=at_ms,
        evidence=[EVIDENCE],
        **names,
    )
    return to_dict(record)


def _diagnosis(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
    leak = Hypothesis(
        service="checkout",
        classification=Classification.MEMORY_LEAK,
        confidence=0.85,
        rationale="Memory rises by 2 % a minute while the request rate is flat",
        evidence=[EVIDENCE],
    )
    record = Diagnosis(
        diagnosis_id=f"diagnosis-{ordinal}",
        episode=state.episode,
        root_cause="checkout",
        classification=Classification.MEMORY_LEAK,
        confidence=0.85,
        parent_incident_id=None,
        hypotheses=[leak],
        partial=False,
        occurred_at=at_ms,
        **_names(state),
    )
    return to_dict(record)


def _decision(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
    said = [
        (Agent.DIAGNOSIS, 0.4, Action.RESTART, 0.85, "A restart frees what leaked"),
        (Agent.PREDICTION, 0.3, Action.SCALE_UP, 0.7, "More memory buys an hour"),
        (Agent.DETECTION, 0.2, Action.RESTART, 0.8, "Known to help leaks"),
    ]
    votes = [
        Vote(agent=a, weight=w, action=x, target="checkout", confidence=c, rationale=r, evidence=[EVIDENCE])
        for a, w, x, c, r in said
    ]
    record = Decision(
        decision_id=f"decision-{ordinal}",
        tier=Tier.CRITICAL,
        episode=state.episode,
        action=Action.RESTART,
        target="checkout",
        parameters={},
        score=0.5,
        confidence=0.83,
        support=0.67,
        autonomous=True,
        escalated_to="",
        reason="Confidence and support pass their gates",
        fallback=False,
        votes=votes,
        evidence_at=at_ms,
        occurred_at=at_ms,
        **_names(state),
    )
    return to_dict(record)


def _human(_state: IncidentState, _at_ms: int, _ordinal: int) -> Changes:
    return {"role": "senior_sre", "reason": "Support is below its gate", "tried": ["RESTART"]}


def _approval_requested(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
    record = ApprovalRequest(
        approval_id=f"approval-{ordinal}",
        episode=state.episode,
        decision_id=f"decision-{ordinal}",
        action_id=f"action-{ordinal}",
        action=Action.RESTART,
        target="checkout",
        executor="process",
        role="senior_sre",
        reason="Support is below its gate",
        plan='{"action":"RESTART"}',
        plan_hash="cd" * 32,
        cost=12.5,
        evidence_at=at_ms,
        expires_at=at_ms + 900_000,
        occurred_at=at_ms,
        **_names(state),
    )
    return to_dict(record)


def _answer(state: IncidentState, _at_ms: int, _ordinal: int) -> Changes:
    waiting = state.approval or {"approval_id": "approval-unknown", "plan_hash": "00" * 32}
    record = ApprovalAnswer(
        approval_id=waiting["approval_id"], plan_hash=waiting["plan_hash"], by="ana", why="It is the known leak"
    )
    return to_dict(record)


def _action(state: IncidentState, at_ms: int, action_id: str, how: ActionState) -> Changes:
    record = ActionRecord(
        action_id=action_id,
        episode=state.episode,
        decision_id="decision-1",
        state=how,
        action=Action.RESTART,
        target="checkout",
        executor="process",
        parameters={},
        plan_hash="ab" * 32,
        cost=12.5,
        healthy=how is ActionState.SUCCEEDED,
        checks=0 if how is ActionState.INTENDED else 2,
        reconciled=False,
        detail="" if how is ActionState.INTENDED else "Healthy at the second check",
        occurred_at=at_ms,
        **_names(state),
    )
    return to_dict(record)


def _intended(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
    return _action(state, at_ms, f"action-{ordinal}", ActionState.INTENDED)


def _completed(state: IncidentState, at_ms: int, _ordinal: int) -> Changes:
    action_id = state.actions[-1]["action_id"] if state.actions else "action-unknown"
    return _action(state, at_ms, action_id, ActionState.SUCCEEDED)


def _notification(how: NotificationState) -> Callable[[IncidentState, int, int], Changes]:
    def notification(state: IncidentState, at_ms: int, ordinal: int) -> Changes:
        names = _names(state)
        record = Notification(
            notification_id=f"notification-{len(state.notifications) if how is NotificationState.QUEUED else 0}",
            incident_id=names["incident_id"],
            tenant=names["tenant"],
            episode=state.episode,
            sequence=ordinal,
            channel="slack",
            state=how,
            status=state.status,
            severity=Severity.CRITICAL,
            dedup_key=f"{state.incident_id}:{state.status}:CRITICAL",
            title="checkout is leaking memory",
            body="It will be restarted.",
            detail="",
            occurred_at=at_ms,
        )
        return to_dict(record)

    return notification


def _resolved(_state: IncidentState, _at_ms: int, _ordinal: int) -> Changes:
    return {"how": "restart verified healthy"}


def _closed(_state: IncidentState, _at_ms: int, _ordinal: int) -> Changes:
    return {"reason": "quiet"}


def _acknowledged(_state: IncidentState, _at_ms: int, _ordinal: int) -> Changes:
    return {"by": "on call", "via": "PagerDuty"}


_PAYLOADS: dict[EventType, Callable[[IncidentState, int, int], Changes]] = {
    EventType.INCIDENT_OPENED: _candidate,
    EventType.INCIDENT_RECLASSIFIED: _candidate,
    EventType.STORM_OPENED: _storm(True),
    EventType.STORM_CLOSED: _storm(False),
    EventType.ALERTS_ACCOUNTED: _accounted,
    EventType.PREDICTION_MADE: _prediction,
    EventType.DIAGNOSIS_MADE: _diagnosis,
    EventType.DECISION_MADE: _decision,
    EventType.HUMAN_REQUESTED: _human,
    EventType.INCIDENT_ACKNOWLEDGED: _acknowledged,
    EventType.APPROVAL_REQUESTED: _approval_requested,
    EventType.APPROVAL_GIVEN: _answer,
    EventType.APPROVAL_REFUSED: _answer,
    EventType.APPROVAL_EXPIRED: _answer,
    EventType.ACTION_INTENDED: _intended,
    EventType.ACTION_COMPLETED: _completed,
    EventType.NOTIFICATION_QUEUED: _notification(NotificationState.QUEUED),
    EventType.NOTIFICATION_SENT: _notification(NotificationState.SENT),
    EventType.INCIDENT_RESOLVED: _resolved,
    EventType.INCIDENT_CLOSED: _closed,
}
