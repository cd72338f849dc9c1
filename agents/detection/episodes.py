"""The course of an episode: opened, told of anew, cleared or closed as quiet; and what its events teach."""

import json
from dataclasses import replace

from agents.detection.groups import with_parent_of
from agents.detection.incident_view import CandidateRules, IncidentView, Phase, Told
from agents.detection.statements import accounted, candidate_of, commanded, published, recommended, told, verdict_of
from schemas.records.analysis import CandidateState
from schemas.records.log import IncidentEvent
from schemas.records.vocabulary import Classification, Evidence, Millis, Severity
from state.incident import EventType
from streams.stage import Output, Position

_SURER = 0.15  # so much more confidence is worth another recommendation
_RECENT_MS = 60_000
_MANY_USERS, _MORE_USERS = 1_000, 1.5  # fewer cost nothing on top (agents/communication/impact.py)

Stepped = tuple[IncidentView, list[Output]]


def opened(view: IncidentView, because: str, now: Millis, rules: CandidateRules) -> Stepped:
    """The next episode begins: told to all, and commanded."""
    at = view.event_time(now)
    view = with_parent_of(view, at, rules)
    view = replace(
        view, phase=Phase.OPENING, phase_since=now, episode=view.episode + 1, told=Told(), decided=False, acting="",
        storm_told="", news=None, conditions=replace(view.conditions, cleared=0))  # fmt: skip
    verdict = verdict_of(view, at)
    severity = _severity(view, since=at - _RECENT_MS)
    candidate = candidate_of(view, CandidateState.OPEN, verdict, severity, because, at)
    command = commanded(view, EventType.INCIDENT_OPENED, candidate, candidate.candidate_id, at)
    return told(view, verdict, severity, now), [published(candidate), command, recommended(candidate)]


def retold(view: IncidentView, now: Millis, rules: CandidateRules) -> Stepped:
    """What has changed since the last statement is told: kind, severity, or (before the decision) that detection is surer.

    That another incident answers for it is told at once: the notice of its opening waits for a few seconds only.
    """
    linked = view.parent is not None and view.parent.incident_id != view.told.parent
    if not linked and now - view.told.at < rules.retell_s * 1000:
        return view, []
    at, before = view.event_time(now), view.told
    verdict = verdict_of(view, at, before.classification)
    worst = _severity(view, since=at - _RECENT_MS)
    severity = max(before.severity, worst, key=lambda s: s.rank)
    # Once decided on, the kind is diagnosis' business.
    changed = (
        linked
        or _more_users(view.affected_users, before.users)
        or severity is not before.severity
        or (not view.decided and verdict.classification is not before.classification)
    )
    surer = not view.decided and verdict.confidence >= before.confidence + _SURER
    if not (changed or surer):
        # Looked at, nothing new: the next look is in `retell_s` again.
        return replace(view, told=replace(before, at=now)), []
    because = view.exhibits[-1].evidence.summary if view.exhibits else "more is known"
    candidate = candidate_of(view, CandidateState.OPEN, verdict, severity, because, at)
    outputs = []
    if changed:
        outputs.append(published(candidate))
        outputs.append(commanded(view, EventType.INCIDENT_RECLASSIFIED, candidate, candidate.candidate_id, at))
    if not view.decided:
        outputs.append(recommended(candidate))
    return told(view, verdict, severity, now), outputs


def cleared(view: IncidentView, now: Millis, rules: CandidateRules) -> Stepped:
    """All that fired has resolved, or metrics alone have calmed down, and no remedy is under way: resolved."""
    calm_ms = now - view.alarmed_arrival
    if view.acting or calm_ms < rules.clear_s * 1000:
        return view, []
    metrics_alone = not view.conditions.firing and not view.conditions.cleared and not view.conditions.overflowed
    if view.conditions.all_clear:
        how = "alerts cleared"
    elif metrics_alone and view.alarms and calm_ms >= rules.metric_clear_s * 1000:
        how = "metrics back to normal"
    else:
        return view, []
    return _ended(view, CandidateState.CLEARED, how, view.event_time(now), now, rules)


def quieted(view: IncidentView, at: Millis, now: Millis, rules: CandidateRules) -> Stepped:
    """Nothing was heard for long, as of event time `at`: closed."""
    if view.acting:
        return view, []
    return _ended(view, CandidateState.QUIET, "quiet", at, now, rules)


def storm_told(view: IncidentView, now: Millis) -> Stepped:
    """A storm that opened or closed is put on record, once."""
    storm = view.storm
    if storm is None or view.episode == 0 or view.storm_told == storm.storm_id + str(storm.open):
        return view, []
    if storm.open and not view.active:
        return view, []
    if not storm.open and not view.storm_told:
        return view, []  # its opening was never on record
    kind = EventType.STORM_OPENED if storm.open else EventType.STORM_CLOSED
    output = commanded(view, kind, storm, storm.storm_id, view.event_time(now), _exhibit_of_storm(view))
    return replace(view, storm_told=storm.storm_id + str(storm.open)), [output]


def account_told(view: IncidentView, now: Millis, rules: CandidateRules) -> Stepped:
    """The newest totals are put on record, unless that was done just now."""
    if not account_waits(view) or now - view.account_told_arrival < rules.retell_s * 1000:
        return view, []
    output = accounted(view, view.event_time(now))
    upto = view.account.upto if view.account else -1
    return replace(view, account_told_upto=upto, account_told_arrival=now), [output] if output else []


def account_waits(view: IncidentView) -> bool:
    """Whether there are totals that are not on record yet."""
    return view.episode > 0 and view.account is not None and view.account.upto > view.account_told_upto


def followed(view: IncidentView, event: IncidentEvent, position: Position, rules: CandidateRules) -> IncidentView:
    """The view after an event of the log. Seen twice, or of an earlier episode, it changes nothing."""
    if event.version <= view.version:
        return view
    view = replace(view, version=event.version)
    if event.episode < view.episode:
        return view
    if event.type == EventType.INCIDENT_OPENED or event.episode > view.episode:
        view = _adopted(view, event, position)
    if event.type in (EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CLOSED):
        # An end far ahead of what was heard is dated by another clock: history is being fed.
        heard = view.event_time(position.arrived_at)
        at = event.occurred_at if event.occurred_at - heard <= rules.quiet_s * 1000 else heard
        quiet = view.ended_quiet and view.phase is Phase.IDLE
        return _forgiven(view, at, position.arrived_at, Phase.IDLE, quiet, rules)
    if event.type == EventType.DECISION_MADE:
        # Whoever was asked to decide is told what more is known, and so is consensus.
        return replace(view, decided=bool(json.loads(event.payload).get("autonomous", True)))
    if event.type == EventType.ACTION_INTENDED:
        return replace(view, decided=True, acting=json.loads(event.payload)["action_id"])
    if event.type == EventType.ACTION_COMPLETED and json.loads(event.payload)["action_id"] == view.acting:
        helped = json.loads(event.payload).get("state") == "SUCCEEDED"
        return replace(view, acting="", decided=helped)
    return view


def _adopted(view: IncidentView, event: IncidentEvent, position: Position) -> IncidentView:
    if event.episode == view.episode:
        return replace(view, phase=Phase.ACTIVE, phase_since=position.arrived_at) if view.active else view
    fields = json.loads(event.payload) if event.type == EventType.INCIDENT_OPENED else {}
    kind = fields.get("classification", Classification.UNKNOWN)
    severity = fields.get("severity", Severity.INFO)
    # Somebody else opened it (an operator, or this stage before its state was lost): it is taken over.
    return replace(
        view, tenant=event.tenant, environment=view.environment or fields.get("environment", ""),
        service=view.service or fields.get("service", ""), episode=event.episode, phase=Phase.ACTIVE,
        phase_since=position.arrived_at, decided=False, acting="", storm_told="",
        told=Told(Classification(kind), Severity(severity), 0.0, 1, position.arrived_at))  # fmt: skip


def _ended(
    view: IncidentView, state: CandidateState, why: str, at: Millis, now: Millis, rules: CandidateRules
) -> Stepped:
    verdict = verdict_of(view, at, view.told.classification)
    candidate = candidate_of(view, state, verdict, view.told.severity, why, at)
    quiet = state is CandidateState.QUIET
    kind, word = (EventType.INCIDENT_CLOSED, "reason") if quiet else (EventType.INCIDENT_RESOLVED, "how")
    command = commanded(view, kind, {word: why}, candidate.candidate_id, at)
    # Quiet needs no confirmation: whoever ended it before, it is over.
    after = _forgiven(view, at, now, Phase.IDLE if quiet else Phase.ENDING, quiet, rules)
    return after, [published(candidate), command]


def _forgiven(
    view: IncidentView, at: Millis, now: Millis, phase: Phase, quiet: bool, rules: CandidateRules
) -> IncidentView:
    view = replace(view, phase=phase, phase_since=now, ended_at=at, ended_arrival=now, ended_quiet=quiet, acting="")
    # What came after that, although it was heard before the end was known, is of no episode yet.
    until = view.echoes_until(rules)
    return replace(
        view, parent=None, affected_users=0, conditions=view.conditions.forgiven(until),
        alarms=tuple(a for a in view.alarms if a.at > until), clues=tuple(c for c in view.clues if c.at > until),
        heard={w: t for w, t in view.heard.items() if t > until},
        exhibits=tuple(e for e in view.exhibits if e.at > until))  # fmt: skip


def _more_users(now: int, told: int) -> bool:
    """Whether so many more users are affected than was told that it costs noticeably more."""
    return now > _MANY_USERS and now >= told * _MORE_USERS


def _severity(view: IncidentView, since: Millis) -> Severity:
    worst = view.conditions.worst(since)
    measured = (view.storm is not None and view.storm.open) or any(a.at >= since for a in view.alarms)
    return max(worst, Severity.ERROR if measured else Severity.WARNING, key=lambda s: s.rank)


def _exhibit_of_storm(view: IncidentView) -> Evidence | None:
    return next((e.evidence for e in view.exhibits if e.subject == "storm"), None)
