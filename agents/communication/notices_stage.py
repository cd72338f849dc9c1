"""The notices stage: what people are told of an incident, when, and what is kept from them because they know it.

A notice of an opened incident waits a few seconds for its cause, so that it is told once and whole. Incidents that another
one causes, or that are unusual together with it, are told of by that one. The same incident, status and severity is told
once in a while. Everything that was not sent is on `notifications` all the same, SUPPRESSED with the reason. A request for a
human is never kept back for a parent.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from agents.communication import texts
from agents.communication.notices import Occasion, notification
from agents.communication.notices_state import NoticesState, NoticeStatus, Opening
from schemas.convert import from_dict, to_dict
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Millis, Severity, Tier
from state.incident import EventType, affected_users
from streams.stage import Received, Step
from streams.topics import EVENTS, Topic

_BY_PARENT = "told by the parent"
_KNOWN = frozenset({NoticeStatus.OPENED, NoticeStatus.ESCALATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesSettings:
    """By which channels; how long the same is told once, and an opening waits for its cause; a human's time to resolve."""

    channels: tuple[str, ...]
    dedup_s: float = 300.0
    opening_wait_s: float = 5.0
    human_mttr_s: float = 1_800.0


class NoticesStage:
    """Implements Stage[NoticesState], by incident."""

    name = "notices"
    sources: tuple[Topic, ...] = (EVENTS,)
    views: tuple[Topic, ...] = ()

    def __init__(self, settings: NoticesSettings) -> None:
        self._settings = settings
        self._answers: dict[str, Callable[[NoticesState, Received[IncidentEvent]], Step[NoticesState]]] = {
            EventType.INCIDENT_OPENED: self._on_opened,
            EventType.INCIDENT_RECLASSIFIED: self._on_reclassified,
            EventType.DIAGNOSIS_MADE: self._on_diagnosis,
            EventType.DECISION_MADE: self._on_decision,
            EventType.HUMAN_REQUESTED: self._on_human_requested,
            EventType.INCIDENT_RESOLVED: self._on_resolved,
            EventType.INCIDENT_CLOSED: self._on_closed,
        }

    def key(self, received: Received[Any]) -> str | None:
        """The incident; events that people are not told of are passed over."""
        event: IncidentEvent = received.record
        return event.incident_id if event.type in self._answers else None

    def initial(self, key: str) -> NoticesState:  # noqa: ARG002 - the protocol's shape
        """Nothing is known."""
        return NoticesState()

    def decide(self, state: NoticesState, received: Received[Any]) -> Step[NoticesState]:
        """Take an event in, and say what it is the occasion of saying."""
        event: IncidentEvent = received.record
        if event.type != EventType.INCIDENT_OPENED and event.episode != state.episode:
            return Step(state)
        return self._answers[event.type](state, received)

    def waits(self, state: NoticesState) -> bool:
        """While an opening waits for its cause."""
        return state.opening is not None

    def tick(self, key: str, state: NoticesState, now: Millis) -> Step[NoticesState] | None:
        """Tell of an opening whose cause does not come."""
        if state.opening is None or now - state.opening.since < self._settings.opening_wait_s * 1000:
            return None
        return self._tell_opening(key, state, now)

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: NoticesState) -> dict[str, Any]:
        """As JSON holds it."""
        return to_dict(state)

    def load(self, fields: dict[str, Any]) -> NoticesState:
        """What `dump` wrote."""
        return from_dict(NoticesState, fields)

    def _on_opened(self, state: NoticesState, received: Received[IncidentEvent]) -> Step[NoticesState]:
        event, p = received.record, json.loads(received.record.payload)
        if event.episode <= state.episode:
            return Step(state)
        fresh = NoticesState(
            episode=event.episode,
            tenant=event.tenant,
            environment=p["environment"],
            service=p["service"],
            tier=Tier(p["tier"]),
            affected_users=affected_users(p),
            severity=Severity(p["severity"]),
            title=p["title"],
            classification=p["classification"],
            parent=p.get("parent_incident_id") or "",
            opened_at=event.recorded_at,
            opening=Opening(
                event_id=event.event_id,
                since=received.position.arrived_at,
                source=received.position.evidence("the incident opened"),
            ),
            sequence=state.sequence,
            recent=state.recent,
        )
        return Step(fresh)

    def _on_reclassified(self, state: NoticesState, received: Received[IncidentEvent]) -> Step[NoticesState]:
        p = json.loads(received.record.payload)
        known = replace(
            state,
            severity=Severity(p["severity"]),
            parent=p.get("parent_incident_id") or state.parent,
            affected_users=affected_users(p, state.affected_users),
        )
        if not state.root_cause:  # a diagnosis outranks detection's first guess
            known = replace(known, title=p["title"], classification=p["classification"])
        return Step(known)

    def _on_diagnosis(self, state: NoticesState, received: Received[IncidentEvent]) -> Step[NoticesState]:
        p = json.loads(received.record.payload)
        known = replace(
            state,
            root_cause=p["root_cause"],
            classification=p["classification"],
            confidence=p["confidence"],
            parent=p["parent_incident_id"] or state.parent,
        )
        return self._tell_opening(received.record.incident_id, known, received.position.arrived_at)

    def _on_decision(self, state: NoticesState, received: Received[IncidentEvent]) -> Step[NoticesState]:
        p = json.loads(received.record.payload)
        known = replace(state, decision={k: p[k] for k in ("action", "target", "autonomous", "confidence")})
        return self._tell_opening(received.record.incident_id, known, received.position.arrived_at)

    def _on_human_requested(self, state: NoticesState, received: Received[IncidentEvent]) -> Step[NoticesState]:
        event, p = received.record, json.loads(received.record.payload)
        now = received.position.arrived_at
        body = texts.escalated(
            event.incident_id, state, reason=p["reason"], role=p["role"], tried=p.get("tried", []), now=now
        )
        first = self._tell_opening(event.incident_id, state, now, suppressed="told with the request for a human")
        return self._then(first, received, NoticeStatus.ESCALATED, body)

    def _on_resolved(self, state: NoticesState, received: Received[IncidentEvent]) -> Step[NoticesState]:
        event, p = received.record, json.loads(received.record.payload)
        body = texts.resolved(
            event.incident_id,
            state,
            how=p["how"],
            ended_at=event.recorded_at,
            human_mttr_s=self._settings.human_mttr_s,
        )
        first = self._tell_opening(
            event.incident_id, state, received.position.arrived_at, suppressed="resolved before it was told"
        )
        by_parent = _BY_PARENT if state.parent and not _KNOWN & set(state.told) else ""
        return self._then(first, received, NoticeStatus.RESOLVED, body, by_parent)

    def _on_closed(self, state: NoticesState, received: Received[IncidentEvent]) -> Step[NoticesState]:
        event, p = received.record, json.loads(received.record.payload)
        body = texts.closed(event.incident_id, state, reason=p["reason"])
        first = self._tell_opening(
            event.incident_id, state, received.position.arrived_at, suppressed="closed before it was told"
        )
        unknown = "" if _KNOWN & set(state.told) else "was not told as opened"
        return self._then(first, received, NoticeStatus.CLOSED, body, unknown)

    def _tell_opening(
        self, incident_id: str, state: NoticesState, now: Millis, suppressed: str = ""
    ) -> Step[NoticesState]:
        """Tell of the opening if that is still to be done."""
        opening = state.opening
        if opening is None:
            return Step(state)
        occasion = Occasion(
            status=NoticeStatus.OPENED,
            body=texts.opened(incident_id, state, now),
            event_id=opening.event_id,
            source=opening.source,
            suppressed=suppressed or (_BY_PARENT if state.parent else ""),
        )
        return self._told(incident_id, replace(state, opening=None), occasion, now)

    def _then(
        self,
        first: Step[NoticesState],
        received: Received[IncidentEvent],
        status: NoticeStatus,
        body: str,
        suppressed: str = "",
    ) -> Step[NoticesState]:
        position, event = received.position, received.record
        occasion = Occasion(
            status=status,
            body=body,
            event_id=event.event_id,
            source=position.evidence(f"the incident was {status}"),
            suppressed=suppressed,
        )
        second = self._told(event.incident_id, first.state or NoticesState(), occasion, position.arrived_at)
        return Step(second.state, (*first.outputs, *second.outputs))

    def _told(self, incident_id: str, state: NoticesState, occasion: Occasion, now: Millis) -> Step[NoticesState]:
        window_ms = self._settings.dedup_s * 1000
        recent = {key: at for key, at in state.recent.items() if now - at < window_ms}
        dedup_key = f"{incident_id}:{occasion.status}:{state.severity}"
        suppressed = occasion.suppressed
        if not suppressed and dedup_key in recent:
            suppressed = f"the same was told {(now - recent[dedup_key]) / 1000:.0f} s before"
        elif not suppressed:
            recent[dedup_key] = now
        known = replace(state, sequence=state.sequence + 1, recent=recent)
        if not occasion.suppressed:
            known = replace(known, told=[*state.told, occasion.status])
        occasion = replace(occasion, suppressed=suppressed)
        outputs = [
            output
            for channel in self._settings.channels
            for output in notification(incident_id, known, occasion, channel, dedup_key, now)
        ]
        return Step(known, tuple(outputs))
