"""Commands as the stages send them, and the events that the ledger makes of them: what the store is measured with."""

from collections.abc import Iterator

from schemas.records.analysis import CandidateState, DataQuality, IncidentCandidate
from schemas.records.log import IncidentCommand
from schemas.records.vocabulary import Agent, Classification, Evidence, Millis, Severity, Tier
from state.commands import append_event
from state.event_log import EVENTS_TOPIC
from state.incident import EventType
from state.ledger import PartitionLedger
from state.ports import StoredEvent

FIRST_MS = 1_760_000_000_000
_INCIDENTS = 100
# An episode as the log sees it: whole records now and then, accounts of alerts between them.
EPISODE = (
    EventType.INCIDENT_OPENED, EventType.ALERTS_ACCOUNTED, EventType.INCIDENT_RECLASSIFIED, EventType.ALERTS_ACCOUNTED,
    EventType.HUMAN_REQUESTED, EventType.ALERTS_ACCOUNTED, EventType.ALERTS_ACCOUNTED, EventType.INCIDENT_RESOLVED,
)  # fmt: skip

Placed = tuple[IncidentCommand, int]


def commands(incidents: int = _INCIDENTS, prefix: str = "inc") -> Iterator[Placed]:
    """Commands with their offsets, without end: so many incidents, one episode of 8 events after the other, in turns.

    Args:
        prefix: of the incidents' ids.
    """
    offset = 0
    while True:
        turn, incident = divmod(offset, incidents)
        yield _command(f"{prefix}-{incident:04d}", turn, offset), offset
        offset += 1


def stored_events(count: int, incidents: int = _INCIDENTS) -> list[StoredEvent]:
    """The first `count` events of `commands`, versioned and chained, with their places in the log."""
    ledger, made = PartitionLedger(), []
    for command, offset in commands(incidents):
        if offset == count:
            break
        step = ledger.decide([(command, offset)], FIRST_MS + offset * 10)
        ledger.advance(ledger.place(step, [offset]))
        made += [StoredEvent(event, EVENTS_TOPIC, 0, offset) for event in step.events]
    return made


def _command(incident_id: str, turn: int, offset: int) -> IncidentCommand:
    episode, step = divmod(turn, len(EPISODE))
    kind, at = EPISODE[step], FIRST_MS + offset * 10
    return append_event(
        kind,
        incident_id=incident_id,
        tenant="default",
        episode=episode + 1,
        payload=_payload(kind, incident_id, episode + 1, at),
        agent=Agent.DETECTION,
        occurred_at=at,
        source=Evidence(topic="incident.candidates", partition=0, offset=offset, summary=""),
        causation_id=f"candidate-{offset}",
    )


def _payload(kind: EventType, incident_id: str, episode: int, at: Millis) -> object:
    if kind in (EventType.INCIDENT_OPENED, EventType.INCIDENT_RECLASSIFIED):
        return _candidate(incident_id, episode, at)
    if kind == EventType.ALERTS_ACCOUNTED:
        return {"received": at % 90_000, "kept": 100, "suppressed": at % 90_000 - 100, "late": 0, "dead_lettered": 0}
    if kind == EventType.HUMAN_REQUESTED:
        return {"role": "senior_sre", "reason": "Support is below its gate.", "tried": ["RESTART"]}
    return {"how": "alerts cleared"}


def _candidate(incident_id: str, episode: int, at: Millis) -> IncidentCandidate:
    evidence = [
        Evidence(topic="alerts.sampled", partition=0, offset=at % 10_000 + n, summary="Heap at 91 % of its limit")
        for n in range(4)
    ]
    return IncidentCandidate(
        candidate_id=f"candidate-{at}", incident_id=incident_id, tenant="default", environment="production",
        service=f"service-{incident_id}", tier=Tier.CRITICAL, episode=episode, state=CandidateState.OPEN,
        severity=Severity.CRITICAL, classification=Classification.MEMORY_LEAK, confidence=0.8, confidence_low=0.6,
        confidence_high=0.9, title="memory grows without bound", occurred_at=at, evidence=evidence,
        quality=DataQuality(sources=["alerts", "metrics"], missing=["traces"], stale_s=0.4, late_share=0.0),
    )  # fmt: skip
