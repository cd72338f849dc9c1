"""Events as the sequencer would write them: legal, versioned, chained, and somewhere in the log."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from schemas.identity import stable_id
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Agent
from state.chain import GENESIS, seal
from state.incident import EventType, IncidentState, admits, evolve
from state.ports import StoredEvent
from tests.support.payloads import payload_of

TOPIC = "incident.events"
FIRST_MS = 1_700_000_000_000

_AUTHORS = {
    EventType.PREDICTION_MADE: Agent.PREDICTION,
    EventType.DIAGNOSIS_MADE: Agent.DIAGNOSIS,
    EventType.DECISION_MADE: Agent.CONSENSUS,
    EventType.HUMAN_REQUESTED: Agent.CONSENSUS,
    EventType.ACTION_INTENDED: Agent.RESOLUTION,
    EventType.ACTION_COMPLETED: Agent.RESOLUTION,
    EventType.NOTIFICATION_QUEUED: Agent.COMMUNICATION,
    EventType.NOTIFICATION_SENT: Agent.COMMUNICATION,
    EventType.INCIDENT_RESOLVED: Agent.RESOLUTION,
}

# An incident from alarm to resolution, as the demo has it.
STORY = (
    EventType.INCIDENT_OPENED, EventType.STORM_OPENED, EventType.NOTIFICATION_QUEUED, EventType.ALERTS_ACCOUNTED,
    EventType.PREDICTION_MADE, EventType.DIAGNOSIS_MADE, EventType.DECISION_MADE, EventType.ACTION_INTENDED,
    EventType.ACTION_COMPLETED, EventType.INCIDENT_RESOLVED, EventType.STORM_CLOSED, EventType.NOTIFICATION_SENT,
)  # fmt: skip


class EventLog:
    """One partition of the event store in the making: gives every event its version, hash, time and offset."""

    def __init__(self, *, partition: int = 0, now_ms: int = FIRST_MS) -> None:
        self.events: list[StoredEvent] = []
        self.now_ms = now_ms
        self._partition = partition
        self._states: dict[str, IncidentState] = {}

    def state(self, incident_id: str) -> IncidentState:
        """What the incident's events fold to so far."""
        return self._states.get(incident_id) or IncidentState(incident_id=incident_id)

    def admits(self, incident_id: str, kind: EventType) -> bool:
        """Whether `append` may write an event of this kind now."""
        state = self.state(incident_id)
        payload = payload_of(kind, state, self.now_ms, 0)
        return admits(state, kind, _episode(state, kind), payload) is None

    def append(
        self,
        incident_id: str,
        kind: EventType,
        *,
        tenant: str = "default",
        after_ms: int = 1000,
        event_id: str = "",
        **changes: Any,
    ) -> StoredEvent:
        """Write an event `after_ms` later than the one before; `changes` replace fields of its payload."""
        state = self.state(incident_id)
        self.now_ms += after_ms
        offset = len(self.events)
        payload = payload_of(kind, replace(state, tenant=tenant), self.now_ms, state.version + 1, **changes)
        event = seal(
            IncidentEvent(
                event_id=event_id or stable_id("event", incident_id, state.version + 1),
                incident_id=incident_id,
                tenant=tenant,
                version=state.version + 1,
                episode=_episode(state, kind),
                type=kind,
                payload=json.dumps(payload, sort_keys=True),
                occurred_at=self.now_ms - 20,
                recorded_at=self.now_ms,
                agent=_AUTHORS.get(kind, Agent.DETECTION),
                correlation_id=f"{incident_id}:{_episode(state, kind)}",
                causation_id=f"cause-{offset}",
                source_topic="incident.candidates",
                source_partition=self._partition,
                source_offset=offset,
                command_offset=offset,
                previous_hash=state.head_hash or GENESIS,
                hash="",
                # Every other one is of a stage; the rest are as those of earlier versions, or of people.
                basis=f"{offset:016x}" if offset % 2 else "",
            )
        )
        self._states[incident_id] = evolve(state, event)
        self.events.append(StoredEvent(event, TOPIC, self._partition, offset))
        return self.events[-1]

    def of(self, incident_id: str) -> list[StoredEvent]:
        """The events of one incident."""
        return [stored for stored in self.events if stored.event.incident_id == incident_id]

    def states(self) -> list[IncidentState]:
        """What each incident's events fold to, the latest change first, then by id backwards."""
        return sorted(self._states.values(), key=lambda state: (state.updated_at, state.incident_id), reverse=True)


def story(incident_id: str = "inc-checkout", *, tenant: str = "default", **opened: Any) -> EventLog:
    """A log of one whole incident; `opened` replaces fields of the payload that opens it."""
    log = EventLog()
    for kind in STORY:
        log.append(incident_id, kind, tenant=tenant, **(opened if kind == EventType.INCIDENT_OPENED else {}))
    return log


@st.composite
def event_logs(draw: st.DrawFn, *, prefix: str = "inc-", incidents: int = 3, most: int = 40) -> EventLog:
    """Legal histories of a few incidents, interleaved, several events in a millisecond now and then.

    Their ids are `prefix` and a number, their tenant is `prefix` too.
    """
    log = EventLog()
    ids = [f"{prefix}{number}" for number in range(draw(st.integers(1, incidents)))]
    for _ in range(draw(st.integers(0, most))):
        incident_id = draw(st.sampled_from(ids))
        legal = [kind for kind in EventType if log.admits(incident_id, kind)]
        kind = draw(st.sampled_from(legal))
        changes = draw(_openings) if kind == EventType.INCIDENT_OPENED else {}
        log.append(incident_id, kind, tenant=prefix, after_ms=draw(st.integers(0, 3)), **changes)
    return log


_openings = st.fixed_dictionaries(
    {"service": st.sampled_from(["checkout", "cart", "søk"]), "title": st.text(max_size=20)}
)


def _episode(state: IncidentState, kind: EventType) -> int:
    return state.episode + 1 if kind == EventType.INCIDENT_OPENED else state.episode
