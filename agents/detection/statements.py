"""What detection says of an incident: candidates, recommendations, and commands to put them on record."""

from dataclasses import replace
from typing import Any

from agents.detection.classification import Basis, Verdict, classify
from agents.detection.incident_view import IncidentView, Told
from agents.detection.signals import METRIC, REPORTER
from agents.series.metric_names import Family
from schemas.identity import stable_id
from schemas.records.analysis import CandidateState, IncidentCandidate, Recommendation
from schemas.records.vocabulary import Action, Agent, Classification, Evidence, Millis, Severity
from state.commands import append_event
from state.incident import EventType
from streams.stage import Output
from streams.topics import ACCOUNT, CANDIDATES, COMMANDS, RECOMMENDATIONS

_HEARD_MS = 600_000
# So close in event time, signals of different sources speak of one thing. What stays alone for that long rests on its threshold.
_TOGETHER_MS = 30_000
_REMEDY: dict[Classification, Action] = {
    Classification.MEMORY_LEAK: Action.RESTART,
    Classification.RESOURCE_EXHAUSTION: Action.RESTART,
    Classification.DATABASE_FAILURE: Action.RESTART,
    Classification.DDOS: Action.SCALE_UP,
    Classification.DEPLOYMENT_REGRESSION: Action.ROLLBACK,
    Classification.CASCADE: Action.NOOP,
    Classification.NETWORK: Action.NOOP,
    Classification.UNKNOWN: Action.NOOP,
}
# For these nothing here is known to help: NOOP is no conviction.
_HELPLESS = frozenset({Classification.NETWORK, Classification.UNKNOWN})
_MOST_HELPLESS = 0.3


def verdict_of(view: IncidentView, at: Millis, current: Classification | None = None) -> Verdict:
    """What the view's signals say at event time `at`."""
    recent = [who for who, when in view.heard.items() if when >= at - _HEARD_MS]
    basis = Basis(
        families={Family(who.removeprefix(METRIC)) for who in recent if who.startswith(METRIC)},
        reporters=[who for who in recent if who.startswith(REPORTER)],
        stale_s=view.stale_s, late_share=view.late_share, overflowed=view.conditions.overflowed,
        skew_s=view.skew_s)  # fmt: skip
    return classify(view.clues, basis, at, current)


def candidate_of(
    view: IncidentView, state: CandidateState, verdict: Verdict, severity: Severity, because: str, at: Millis
) -> IncidentCandidate:
    """The candidate of the view's episode. Its id is of the episode and state, and of the revision while it is open."""
    kind = verdict.classification.replace("_", " ").lower()
    kind = "trouble of unknown kind" if verdict.classification is Classification.UNKNOWN else kind
    revision = view.told.revision if state is CandidateState.OPEN else 0
    ident = stable_id("candidate", view.incident_id, view.episode, state, revision)
    return IncidentCandidate(
        candidate_id=ident, incident_id=view.incident_id, tenant=view.tenant, environment=view.environment,
        service=view.service, tier=view.tier, episode=view.episode, state=state, severity=severity,
        classification=verdict.classification, confidence=verdict.confidence, confidence_low=verdict.low,
        confidence_high=verdict.high, quality=verdict.quality, title=f"{view.service}: {kind} ({because})"[:240],
        occurred_at=at, evidence=_telling(view), by_threshold=_alone(view, at),
        parent_incident_id=view.parent.incident_id if view.parent else "", affected_users=view.affected_users)  # fmt: skip


def _alone(view: IncidentView, at: Millis) -> bool:
    """Whether fewer than two sources (reporters of alerts; metrics) spoke within 30 s before `at`: nothing to correlate."""
    recent = {who for who, when in view.heard.items() if when >= at - _TOGETHER_MS}
    reporters = sum(who.startswith(REPORTER) for who in recent)
    return reporters + any(who.startswith(METRIC) for who in recent) < 2


def _telling(view: IncidentView) -> list[Evidence]:
    """The exhibits, of those that say the same (many sources fire one alert) the newest."""
    return list({exhibit.evidence.summary: exhibit.evidence for exhibit in view.exhibits}.values())


def told(view: IncidentView, verdict: Verdict, severity: Severity, now: Millis) -> IncidentView:
    """The view once this statement is made; its revision numbers the statement."""
    parent = view.parent.incident_id if view.parent else ""
    revision = view.told.revision + 1
    after = Told(verdict.classification, severity, verdict.confidence, revision, now, parent, view.affected_users)
    return replace(view, told=after)


def published(candidate: IncidentCandidate) -> Output:
    """The candidate, on its topic."""
    return Output(CANDIDATES, candidate.incident_id, candidate)


def recommended(candidate: IncidentCandidate) -> Output:
    """What detection would do about the candidate."""
    kind, action = candidate.classification, _REMEDY[candidate.classification]
    confidence = min(candidate.confidence, _MOST_HELPLESS) if kind in _HELPLESS else candidate.confidence
    recommendation = Recommendation(
        recommendation_id=stable_id("recommendation", Agent.DETECTION, candidate.candidate_id),
        incident_id=candidate.incident_id, tenant=candidate.tenant, environment=candidate.environment,
        service=candidate.service, tier=candidate.tier, episode=candidate.episode, agent=Agent.DETECTION, abstains=False,
        action=action, target=candidate.service, confidence=confidence,
        rationale=candidate.title, evidence=candidate.evidence, occurred_at=candidate.occurred_at)  # fmt: skip
    return Output(RECOMMENDATIONS, candidate.incident_id, recommendation)


def commanded(
    view: IncidentView, kind: EventType, payload: Any, causation_id: str, at: Millis, source: Evidence | None = None
) -> Output:
    """The command to put an event on record; `source` is by default the newest exhibit."""
    source = source or (view.exhibits[-1].evidence if view.exhibits else _by_account(view))
    command = append_event(
        kind, incident_id=view.incident_id, tenant=view.tenant, episode=view.episode, payload=payload,
        agent=Agent.DETECTION, occurred_at=at, source=source, causation_id=causation_id)  # fmt: skip
    return Output(COMMANDS, view.incident_id, command)


def accounted(view: IncidentView, at: Millis) -> Output | None:
    """The command that puts the newest totals on record; None before there are any."""
    if view.account is None:
        return None
    totals = view.account
    payload = {name: getattr(totals, name) for name in ("received", "kept", "suppressed", "late", "dead_lettered")}
    return commanded(view, EventType.ALERTS_ACCOUNTED, payload, f"account:{totals.upto}", at, _by_account(view))


def _by_account(view: IncidentView) -> Evidence:
    account = view.account
    partition, offset = (account.partition, account.offset) if account else (-1, -1)
    return Evidence(topic=ACCOUNT.name, partition=partition, offset=offset, summary="the account of the alerts")
