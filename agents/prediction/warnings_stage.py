"""Stage `warnings`: what is foretold of an incident's service becomes prediction's vote on its episode, and an event.

Promises: every episode hears from prediction at once, if only that it abstains; a breach that is foretold later, while the vote
is open, is another recommendation; PredictionMade is commanded only of an episode whose opening is on record.
"""

from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from agents.prediction.outcomes import FLEET
from agents.prediction.warnings_view import Said, WarningsView
from agents.series.metric_names import Family, family
from agents.series.values import check_finite
from schemas.identity import stable_id
from schemas.records.analysis import CandidateState, IncidentCandidate, Prediction, Recommendation
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Action, Agent, Millis
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output, Position, Received, Step
from streams.topics import CANDIDATES, COMMANDS, EVENTS, PREDICTIONS, RECOMMENDATIONS, Topic

_SURER = 0.15
_STATE = TypeAdapter(WarningsView)
_HELD = frozenset({Family.MEMORY, Family.CONNECTIONS})  # by a process: it ends with it


@dataclass(frozen=True, slots=True)
class WarningRules:
    """The probability that counts as foretold; times in seconds of arrival: a forecast's life, between events, between votes."""

    threshold: float = 0.6
    fresh_s: float = 60.0
    record_s: float = 30.0
    retell_s: float = 5.0


class WarningsStage:
    """PREDICTIONS, CANDIDATES, EVENTS -> RECOMMENDATIONS, COMMANDS, keyed by incident."""

    name = "warnings"
    sources: tuple[Topic, ...] = (PREDICTIONS, CANDIDATES, EVENTS)
    views: tuple[Topic, ...] = ()

    def __init__(self, rules: WarningRules | None = None) -> None:
        self._rules = rules or WarningRules()

    def key(self, received: Received[Any]) -> str | None:
        """The incident. Passed over: what became of a prediction, and a fleet's warning, too unsure to rest a remedy on.

        Raises:
            DecodeError: a prediction has a figure that is not finite; such a one would outlive its record in the state.
        """
        record = received.record
        if isinstance(record, Prediction):
            figures = (
                record.probability,
                record.level,
                record.value,
                record.trend_per_min,
                record.breach_in_s,
                record.squared_error,
            )
            check_finite("A prediction", *figures, *record.odds.values())
            if record.outcome or record.model == FLEET:
                return None
        incident: str = record.incident_id
        return incident

    def initial(self, key: str) -> WarningsView:
        """An incident of which nothing was foretold."""
        return WarningsView(incident_id=key)

    def decide(self, state: WarningsView, received: Received[Any]) -> Step[WarningsView]:
        """Take the record in; then vote, and put the breach on record, where there is an episode."""
        record, position = received.record, received.position
        if isinstance(record, Prediction):
            view = state.with_prediction(record, position.arrived_at, self._rules.threshold)
            return self._told(view, record.prediction_id, position, record.occurred_at)
        if isinstance(record, IncidentCandidate):
            if record.episode < state.episode:
                return Step(state)
            view = state.with_candidate(record, voting=record.state is CandidateState.OPEN)
            return self._told(view, record.candidate_id, position, record.occurred_at)
        if isinstance(record, IncidentEvent) and record.version > state.version:
            view = _followed(state, record)
            return self._told(view, record.event_id, position, record.occurred_at)
        return Step(state)

    def tick(self, key: str, state: WarningsView, now: Millis) -> Step[WarningsView] | None:  # noqa: ARG002 - no clock
        """Nothing happens by time alone."""
        return None

    def waits(self, state: WarningsView) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: WarningsView) -> dict[str, Any]:
        """The view's fields as JSON holds them."""
        fields: dict[str, Any] = _STATE.dump_python(state, mode="json")
        return fields

    def load(self, fields: dict[str, Any]) -> WarningsView:
        """The view of these fields; what an earlier version did not know begins anew."""
        return _STATE.validate_python(fields)

    def _told(self, view: WarningsView, cause_id: str, position: Position, at: Millis) -> Step[WarningsView]:
        foretold = view.likeliest(position.arrived_at, self._rules.fresh_s)
        view, vote = self._voted(view, foretold, cause_id, position, at)
        view, event = self._recorded(view, foretold, position)
        return Step(view, (*vote, *event))

    def _voted(
        self, view: WarningsView, foretold: Prediction | None, cause_id: str, position: Position, at: Millis
    ) -> tuple[WarningsView, tuple[Output, ...]]:
        now, said = position.arrived_at, view.said
        if not view.voting or (foretold is None and said is not None):
            return view, ()
        if foretold is not None and said is not None and said.action is not None:
            surer = foretold.probability >= said.confidence + _SURER or _remedy(foretold) is not said.action
            if not surer or now - said.at < self._rules.retell_s * 1000:
                return view, ()
        action = _remedy(foretold) if foretold else None
        said = Said(action, foretold.probability if foretold else 0.0, now)
        recommendation = _recommendation(view, foretold, cause_id, at)
        return replace(view, said=said), (Output(RECOMMENDATIONS, view.incident_id, recommendation),)

    def _recorded(
        self, view: WarningsView, foretold: Prediction | None, position: Position
    ) -> tuple[WarningsView, tuple[Output, ...]]:
        """PredictionMade, of the likeliest breach, at most once in `record_s`."""
        now = position.arrived_at
        if foretold is None or not view.active or foretold.prediction_id == view.recorded:
            return view, ()
        if view.recorded_arrival is not None and now - view.recorded_arrival < self._rules.record_s * 1000:
            return view, ()
        source = (*foretold.evidence, position.evidence("what brought it up"))[0]
        command = append_event(
            EventType.PREDICTION_MADE, incident_id=view.incident_id, tenant=foretold.tenant, episode=view.episode,
            payload=foretold, agent=Agent.PREDICTION, occurred_at=foretold.occurred_at,
            source=source, causation_id=foretold.prediction_id)  # fmt: skip
        view = replace(view, recorded=foretold.prediction_id, recorded_arrival=now)
        return view, (Output(COMMANDS, view.incident_id, command),)


def _followed(view: WarningsView, event: IncidentEvent) -> WarningsView:
    view = replace(view, version=event.version)
    if event.episode < view.episode:
        return view
    if event.type == EventType.INCIDENT_OPENED:
        anew = event.episode > view.episode
        return replace(
            view, tenant=event.tenant, episode=event.episode, active=True, recorded="", recorded_arrival=None,
            said=None if anew else view.said, voting=False if anew else view.voting)  # fmt: skip
    if event.type in (EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED):
        return replace(view, active=False, voting=False)
    if event.type in (EventType.DECISION_MADE, EventType.ACTION_INTENDED):
        return replace(view, voting=False)
    return view


def _remedy(prediction: Prediction) -> Action:
    # More room does not cure what a process takes and never gives back; it does help what grows with the load.
    return Action.RESTART if family(prediction.metric) in _HELD else Action.SCALE_UP


def _recommendation(view: WarningsView, foretold: Prediction | None, cause_id: str, at: Millis) -> Recommendation:
    if foretold:
        evidence, confidence, action = foretold.evidence, foretold.probability, _remedy(foretold)
        rationale = evidence[0].summary if evidence else f"{foretold.metric} is likely to pass {foretold.level:g}"
    else:
        evidence, confidence, action = [], 0.0, Action.NOOP
        rationale = "No breach of a known limit is foretold for this service."
    return Recommendation(
        recommendation_id=stable_id("recommendation", Agent.PREDICTION, view.incident_id, view.episode, cause_id),
        incident_id=view.incident_id, tenant=view.tenant, environment=view.environment, service=view.service,
        tier=view.tier, episode=view.episode, agent=Agent.PREDICTION, abstains=foretold is None, action=action,
        target=view.service, confidence=confidence, rationale=rationale, evidence=evidence, occurred_at=at)  # fmt: skip
