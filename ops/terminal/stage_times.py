"""How long each stage of an episode took, against what it may take. Budgets: targets and maxima of docs/operations.md."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ops.metrics.budgets import BUDGETS, Budget
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Millis
from state.incident import EventType

WITHIN, OVER_TARGET, OVER_LIMIT, UNDER_WAY = "within target", "over target", "over limit", "not known"


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage of one episode; seconds. `took_s` is None where it did not happen, or its beginning is not on record."""

    episode: int
    stage: str
    of: str
    took_s: float | None
    target_s: float
    limit_s: float

    @property
    def verdict(self) -> str:
        """Against the budget."""
        if self.took_s is None:
            return UNDER_WAY
        return WITHIN if self.took_s <= self.target_s else OVER_TARGET if self.took_s <= self.limit_s else OVER_LIMIT

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**asdict(self), "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class _Span:
    """From the first event of one kind to the first of another after it."""

    stage: str
    of: str
    budget: Budget
    begin: Callable[[Sequence[IncidentEvent]], Millis | None]
    end: Callable[[Sequence[IncidentEvent]], Millis | None]


def stage_times(events: Sequence[IncidentEvent]) -> list[StageTime]:
    """The stages of each episode, in order; the events are one incident's, in order."""
    found = []
    for episode in dict.fromkeys(event.episode for event in events):
        told = [event for event in events if event.episode == episode]
        found += [_measured(episode, span, told) for span in _SPANS]
    return [one for one in found if one.took_s is not None or one.stage in _ALWAYS]


def _measured(episode: int, span: _Span, events: Sequence[IncidentEvent]) -> StageTime:
    began, ended = span.begin(events), span.end(events)
    took_s = None if began is None or ended is None else max(0, ended - began) / 1000
    return StageTime(episode, span.stage, span.of, took_s, span.budget.target_s, span.budget.most_s)


def _recorded(*kinds: EventType) -> Callable[[Sequence[IncidentEvent]], Millis | None]:
    return lambda events: next((event.recorded_at for event in events if event.type in kinds), None)


def _happened(events: Sequence[IncidentEvent]) -> Millis | None:
    # Sources' clocks may be ahead of ours; nothing is detected before it happened.
    opened = next((event for event in events if event.type == EventType.INCIDENT_OPENED), None)
    return None if opened is None else min(opened.occurred_at, opened.recorded_at)


def _last_outcome(events: Sequence[IncidentEvent]) -> Millis | None:
    done = [event.recorded_at for event in events if event.type == EventType.ACTION_COMPLETED]
    return done[-1] if done else None


_OPENED, _DECIDED = _recorded(EventType.INCIDENT_OPENED), _recorded(EventType.DECISION_MADE)
_DIAGNOSED = _recorded(EventType.DIAGNOSIS_MADE)
_OVER = _recorded(EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED)
_ALWAYS = frozenset({"detection", "diagnosis", "consensus", "whole incident"})
_SPANS = (
    _Span("detection", "sign to opening", BUDGETS["candidates"], _happened, _OPENED),
    _Span("prediction", "opening to first forecast", BUDGETS["warnings"], _OPENED, _recorded(EventType.PREDICTION_MADE)),
    _Span("diagnosis", "opening to root cause", BUDGETS["diagnosis"], _OPENED, _DIAGNOSED),
    # From consensus_limit_s on the strongest single voice is taken to a human.
    _Span("consensus", "opening to decision", Budget(60, 120), _OPENED, _DECIDED),
    _Span("resolution", "decision to last outcome", BUDGETS["planning"], _DECIDED, _last_outcome),
    _Span(
        "communication", "first notice queued to sent", BUDGETS["sender"],
        _recorded(EventType.NOTIFICATION_QUEUED), _recorded(EventType.NOTIFICATION_SENT),
    ),
    _Span("whole incident", "opening to its end", Budget(180, 180), _OPENED, _OVER),
)  # fmt: skip
