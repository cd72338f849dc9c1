"""Recommendations as agents send them, and the events that consensus reads."""

import json
from typing import Any

from schemas.records.analysis import Recommendation
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action, Agent, Evidence, Tier
from state.incident import EventType

NOW = 1_700_000_000_000
INCIDENT = "inc-checkout"


def vote(
    agent: Agent = Agent.DIAGNOSIS,
    action: Action = Action.RESTART,
    confidence: float = 0.8,
    *,
    target: str = "checkout",
    episode: int = 1,
    abstains: bool = False,
    at: int = NOW,
    tier: Tier = Tier.CRITICAL,
    ordinal: int = 0,
    parameters: dict[str, str] | None = None,
) -> Recommendation:
    """A recommendation about checkout's incident; `ordinal` tells the words of one agent apart."""
    return Recommendation(
        recommendation_id=f"{agent}-{episode}-{ordinal}", incident_id=INCIDENT, tenant="default", environment="prod",
        service="checkout", tier=tier, episode=episode, agent=agent, abstains=abstains, action=action, target=target,
        confidence=confidence, rationale=f"{agent} says so", occurred_at=at, parameters=parameters or {},
        evidence=[Evidence(topic="anomalies", partition=0, offset=7, summary="memory rises")],
    )  # fmt: skip


def event(kind: EventType, episode: int = 1, payload: dict[str, Any] | None = None) -> IncidentEvent:
    """An event of checkout's incident, as far as stages read it."""
    return IncidentEvent(
        event_id="event", incident_id=INCIDENT, tenant="default", version=1, episode=episode, type=kind,
        payload=json.dumps(payload or {}), occurred_at=NOW, recorded_at=NOW, agent=Agent.RESOLUTION, correlation_id="",
        causation_id="", source_topic="", source_partition=0, source_offset=0, command_offset=0, previous_hash="",
        hash="",
    )  # fmt: skip


def completed(
    state: str, action: Action = Action.RESTART, target: str = "checkout", *, action_id: str = "act-1", episode: int = 1
) -> IncidentEvent:
    """An action's outcome."""
    payload = {
        "action_id": action_id, "action": action, "target": target, "state": state, "detail": "still unhealthy",
    }  # fmt: skip
    return event(EventType.ACTION_COMPLETED, episode, payload)
