"""The records of one incident's episode, as the stages before would write them; every field can be said otherwise."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from schemas.convert import to_dict
from schemas.records.analysis import CandidateState, DataQuality, IncidentCandidate
from schemas.records.command import ActionRecord, ActionState, Decision, Vote
from schemas.records.log import IncidentCommand, IncidentEvent
from schemas.records.vocabulary import Action, Agent, Classification, Evidence, Severity, Tier
from streams.stage import Output, Position, Received
from streams.topics import CANDIDATES, DECISIONS, EVENTS, Topic

NOW = 1_760_000_000_000  # a Thursday, 08:53 UTC
INCIDENT = "inc-checkout"


def received(record: Any, topic: Topic = EVENTS, *, offset: int = 0, at: int = NOW) -> Received[Any]:
    """A record that arrived."""
    return Received(record, Position(topic.name, 0, offset, at))


def candidate(**changes: Any) -> Received[IncidentCandidate]:
    """Detection's word: checkout leaks memory."""
    record = IncidentCandidate(
        candidate_id="candidate-1", incident_id=INCIDENT, tenant="acme", environment="prod", service="checkout",
        tier=Tier.CRITICAL, episode=1, state=CandidateState.OPEN, severity=Severity.CRITICAL,
        classification=Classification.MEMORY_LEAK, confidence=0.8, confidence_low=0.7, confidence_high=0.9,
        quality=DataQuality(sources=["alerts"], missing=[], stale_s=0.0, late_share=0.0),
        title="memory of checkout grows without end", occurred_at=NOW, evidence=[],
    )  # fmt: skip
    return received(replace(record, **changes), CANDIDATES)


def decision(*, at: int = NOW, **changes: Any) -> Received[Decision]:
    """Consensus' word: restart checkout, without a human."""
    evidence = Evidence(topic="anomalies", partition=0, offset=7, summary="memory grows")
    vote = Vote(agent=Agent.DIAGNOSIS, weight=0.4, action=Action.RESTART, target="checkout", confidence=0.8,
                rationale="it leaks", evidence=[evidence])  # fmt: skip
    record = Decision(
        decision_id="decision-1", incident_id=INCIDENT, tenant="acme", environment="prod", service="checkout",
        tier=Tier.CRITICAL, episode=1, action=Action.RESTART, target="checkout", parameters={}, score=0.6,
        confidence=0.8, support=0.9, autonomous=True, escalated_to="", reason="agreed", fallback=False, votes=[vote],
        evidence_at=NOW, occurred_at=NOW,
    )  # fmt: skip
    return received(replace(record, **changes), DECISIONS, at=at)


def event(
    kind: str, payload: Any, *, episode: int = 1, version: int = 1, incident_id: str = INCIDENT, at: int = NOW
) -> Received[IncidentEvent]:
    """A committed event with this payload, a record or its fields."""
    fields = payload if isinstance(payload, dict) else to_dict(payload)
    record = IncidentEvent(
        event_id=f"{incident_id}-{episode}-{version}-{kind}", incident_id=incident_id, tenant="acme", version=version,
        episode=episode, type=kind, payload=json.dumps(fields), occurred_at=at, recorded_at=at, agent=Agent.DETECTION,
        correlation_id="", causation_id="", source_topic="", source_partition=0, source_offset=0, command_offset=0,
        previous_hash="", hash="",
    )  # fmt: skip
    return received(record, offset=version, at=at)


def opened(*, at: int = NOW, version: int = 1, **changes: Any) -> Received[IncidentEvent]:
    """IncidentOpened by a candidate."""
    record = candidate(**changes).record
    return event("IncidentOpened", record, episode=record.episode, version=version, at=at)


def completed(intent: ActionRecord, state: ActionState, *, healthy: bool, at: int = NOW) -> Received[IncidentEvent]:
    """ActionCompleted after five health checks."""
    outcome = replace(intent, state=state, healthy=healthy, checks=5, detail="as tested")
    return event("ActionCompleted", outcome, episode=intent.episode, version=9, at=at)


def records(outputs: Sequence[Output], topic: Topic) -> list[Any]:
    """The records among outputs that go to a topic."""
    return [output.record for output in outputs if output.topic is topic]


def said(commands: Sequence[IncidentCommand], kind: str) -> list[dict[str, Any]]:
    """The payloads of the commands of a type."""
    return [json.loads(command.payload) for command in commands if command.type == kind]
