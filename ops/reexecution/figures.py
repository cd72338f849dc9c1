"""What a "what if" compares: a few figures of an incident, as it was recorded or as it was lived through again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.records.log import IncidentEvent
from state.incident import EventType, IncidentState, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One incident in figures. `outcome_known` is False where an action was chosen of which nobody knows what it brings."""

    alerts_kept: int
    incidents_opened: int
    status: str
    classification: str
    root_cause: str
    action: str
    autonomous: bool | None
    confidence: float | None
    humans_asked: int
    notices: int
    opened_at: int | None
    decided_after_s: float | None
    resolution_s: float | None
    outcome_known: bool = True

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {name: getattr(self, name) for name in self.__slots__}


def figures_of(
    incident_id: str, events: Sequence[IncidentEvent], alerts_kept: int, *, outcome_known: bool = True
) -> Figures:
    """The figures of an incident's events, in order; of several episodes the first decides on times and action."""
    first = [event for event in events if event.episode == (events[0].episode if events else 1)]
    state = fold(incident_id, first)
    decided = next((event.recorded_at for event in first if event.type == EventType.DECISION_MADE), None)
    decision = state.decision or {}
    return Figures(
        alerts_kept=alerts_kept,
        incidents_opened=_count(events, EventType.INCIDENT_OPENED),
        status=str(state.status) if events else "never opened",
        classification=str(state.classification or ""),
        root_cause=state.root_cause or "",
        action=str(decision.get("action", "")),
        autonomous=decision.get("autonomous"),
        confidence=decision.get("confidence"),
        humans_asked=_count(first, EventType.HUMAN_REQUESTED),
        notices=_count(first, EventType.NOTIFICATION_QUEUED),
        opened_at=state.opened_at if events else None,
        decided_after_s=_after_s(state, decided),
        resolution_s=state.mttr_s,
        outcome_known=outcome_known,
    )


def _count(events: Sequence[IncidentEvent], kind: EventType) -> int:
    return sum(event.type == kind for event in events)


def _after_s(state: IncidentState, at: int | None) -> float | None:
    return None if at is None or state.opened_at is None else (at - state.opened_at) / 1000
