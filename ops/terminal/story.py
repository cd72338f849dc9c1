"""The events of an incident as a story: what happened, and why. Total: a payload that lacks something is told without."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.terminal.words import clean, counted, duration, figure, lower, money, percent
from schemas.records.vocabulary import Millis
from state.incident import EventType
from state.json_text import payload_shown
from state.ports import StoredEvent

Payload = dict[str, Any]


class Proof(str):
    """A reason that is a record which a statement rests on. It is told once an episode, however many rest on it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One event as it is told: seconds after its episode opened, who, what, why (one reason each)."""

    episode: int
    at_ms: Millis
    after_s: float
    who: str
    what: str
    why: list[str]


def tell(events: list[StoredEvent]) -> list[Line]:
    """The story of one incident, from its events in order."""
    opened_ms = events[0].event.recorded_at if events else 0
    lines: list[Line] = []
    proven: set[str] = set()
    for stored in events:
        event = stored.event
        if event.type == EventType.INCIDENT_OPENED:
            opened_ms, proven = event.recorded_at, set()
        what, why = _told(event.type, payload_shown(event))
        fresh = [reason for reason in dict.fromkeys(why) if reason not in proven]
        proven.update(reason for reason in fresh if isinstance(reason, Proof))
        after_s = (event.recorded_at - opened_ms) / 1000
        lines.append(Line(event.episode, event.recorded_at, after_s, str(event.agent), what, fresh))
    return lines


def _told(kind: str, payload: Payload) -> tuple[str, list[str]]:
    teller = _TELLERS.get(kind)
    if teller is None:
        return clean(kind), []
    what, why = teller(payload)
    return what, [reason for reason in why if reason]


def _opened(p: Payload) -> tuple[str, list[str]]:
    quality = _part(p, "quality")
    sources = ", ".join(map(clean, _items(quality, "sources")))
    bounds = f"{percent(p.get('confidence_low'))} to {percent(p.get('confidence_high'))}"
    seems = f"seems a {lower(p.get('classification', 'unknown'))}: {percent(p.get('confidence'))} sure ({bounds})"
    what = f"Incident opened, {lower(p.get('severity', 'unknown'))}: {clean(p.get('title', ''))}"
    return what, [seems + (f", from {sources}" if sources else ""), *_evidence(p)]


def _reclassified(p: Payload) -> tuple[str, list[str]]:
    kind, how_bad = lower(p.get("classification", "unknown")), lower(p.get("severity", "unknown"))
    return f"Now seems a {kind}, {how_bad}: {percent(p.get('confidence'))} sure", [*_evidence(p)]


def _storm_opened(p: Payload) -> tuple[str, list[str]]:
    loud = ", ".join(f"{clean(one.get('name', '?'))} ({figure(one.get('count'))})" for one in _records(p, "loudest"))
    what = f"Alert storm began: {figure(p.get('rate_per_s'))} a second, else {figure(p.get('baseline_per_s'))}"
    return what, [f"loudest: {loud}" if loud else ""]


def _storm_closed(p: Payload) -> tuple[str, list[str]]:
    return f"Alert storm is over: {figure(p.get('rate_per_s'))} a second", []


def _accounted(p: Payload) -> tuple[str, list[str]]:
    parts = [f"{figure(p.get(k))} {k.replace('_', ' ')}" for k in ("kept", "suppressed", "late", "dead_lettered")]
    return f"{counted(p.get('received'), 'alert')} so far: {', '.join(parts)}", []


def _predicted(p: Payload) -> tuple[str, list[str]]:
    due_s = p.get("breach_in_s")
    due = f", in about {duration(due_s)}" if isinstance(due_s, int | float) else ""
    what = f"{clean(p.get('metric', '?'))} will pass {figure(p.get('level'))} with {percent(p.get('probability'))}{due}"
    return what, [
        f"now {figure(p.get('value'))}, {figure(p.get('trend_per_min'))} a minute ({clean(p.get('model', '?'))})"
    ]


def _diagnosed(p: Payload) -> tuple[str, list[str]]:
    cause, kind = clean(p.get("root_cause", "?")), lower(p.get("classification", "unknown"))
    why = [f"{clean(h.get('rationale', ''))} ({percent(h.get('confidence'))})" for h in _records(p, "hypotheses")[:2]]
    parent = p.get("parent_incident_id")
    part_of = f"part of {clean(parent)}" if parent else ""
    partial = "not all evidence came in time" if p.get("partial") else ""
    named = cause if kind in cause.lower() else f"{cause}, {kind}"
    found = "No root cause found, the likeliest" if kind == "unknown" else "Root cause found"
    what = f"{found}: {named}, {percent(p.get('confidence'))} sure"
    return what, [*why, *_evidence(*_records(p, "hypotheses")[:1]), part_of, partial]


def _decided(p: Payload) -> tuple[str, list[str]]:
    how = "Decided" if p.get("autonomous") else "Proposed"
    who = "autonomously" if p.get("autonomous") else f"for {clean(p.get('escalated_to') or 'a human')} to decide"
    votes = [
        f"{clean(v.get('agent', '?'))} votes {lower(v.get('action', '?'))} at {percent(v.get('confidence'))}, weight "
        f"{figure(v.get('weight'))}: {clean(v.get('rationale', ''))}"
        for v in _records(p, "votes")
    ]
    figures = f"confidence {percent(p.get('confidence'))}, support {percent(p.get('support'))}"
    return f"{how}: {_deed(p)}, {who} ({figures})", [clean(p.get("reason", "")), *votes]


def _human(p: Payload) -> tuple[str, list[str]]:
    tried = ", ".join(map(lower, _items(p, "tried")))
    return f"Asked for a human: {clean(p.get('role', '?'))}", [
        clean(p.get("reason", "")),
        f"tried: {tried}" if tried else "",
    ]


def _acknowledged(p: Payload) -> tuple[str, list[str]]:
    return f"Taken on by {clean(p.get('by', '?'))}, by {clean(p.get('via', '?'))}", []


def _approval_requested(p: Payload) -> tuple[str, list[str]]:
    return f"Waits for {clean(p.get('role', 'a human'))} to approve: {_deed(p)}", [
        clean(p.get("reason", "")),
        f"plan {clean(p.get('plan_hash', ''))[:16]}, cost {money(p.get('cost'))}",
    ]


def _approval_given(p: Payload) -> tuple[str, list[str]]:
    return f"Approved by {clean(p.get('by', '?'))}", [clean(p.get("why", ""))]


def _approval_refused(p: Payload) -> tuple[str, list[str]]:
    return f"Refused by {clean(p.get('by', '?'))}", [clean(p.get("why", ""))]


def _approval_expired(p: Payload) -> tuple[str, list[str]]:
    return "Nobody approved in time", [clean(p.get("why", ""))]


def _intended(p: Payload) -> tuple[str, list[str]]:
    return f"Going to {_deed(p)} ({clean(p.get('executor', '?'))}), cost {money(p.get('cost'))}", [
        clean(p.get("detail", ""))
    ]


def _completed(p: Payload) -> tuple[str, list[str]]:
    checks = p.get("checks")
    health = f"{'healthy' if p.get('healthy') else 'not healthy'} after {counted(checks, 'check')}" if checks else ""
    how = lower(p.get("state", "?"))
    again = "found done after a restart of ours, not done again" if p.get("reconciled") else ""
    return f"{_deed(p).capitalize()}: {how}" + (f", {health}" if health else ""), [clean(p.get("detail", "")), again]


def _notified(p: Payload) -> tuple[str, list[str]]:
    verbs = {"QUEUED": "Will tell", "SENT": "Told", "SUPPRESSED": "Did not tell", "FAILED": "Could not tell"}
    verb = verbs.get(str(p.get("state")), "Notification to")
    return f"{verb} {clean(p.get('channel', '?'))}: {clean(p.get('title', ''))}", [clean(p.get("detail", ""))]


def _resolved(p: Payload) -> tuple[str, list[str]]:
    return f"Resolved: {clean(p.get('how', '?'))}", []


def _closed(p: Payload) -> tuple[str, list[str]]:
    return f"Closed: {clean(p.get('reason', '?'))}", []


def _deed(p: Payload) -> str:
    action = str(p.get("action", "?"))
    return "wait until it clears" if action == "NOOP" else f"{lower(action)} {clean(p.get('target', '?'))}"


def _evidence(*parts: Payload) -> list[Proof]:
    """At most two records that a statement rests on, with where they lie."""
    found = [one for part in parts for one in _records(part, "evidence")][:2]
    return [Proof(f"{clean(one.get('summary', ''))} [{clean(one.get('topic', '?'))}-{_at(one)}]") for one in found]


def _at(proof: Payload) -> str:
    return f"{clean(proof.get('partition'))}@{clean(proof.get('offset'))}"


def _part(p: Payload, key: str) -> Payload:
    value = p.get(key)
    return value if isinstance(value, dict) else {}


def _items(p: Payload, key: str) -> list[Any]:
    value = p.get(key)
    return value if isinstance(value, list) else []


def _records(p: Payload, key: str) -> list[Payload]:
    return [one for one in _items(p, key) if isinstance(one, dict)]


_TELLERS: dict[str, Callable[[Payload], tuple[str, list[str]]]] = {
    EventType.INCIDENT_OPENED: _opened,
    EventType.INCIDENT_RECLASSIFIED: _reclassified,
    EventType.STORM_OPENED: _storm_opened,
    EventType.STORM_CLOSED: _storm_closed,
    EventType.ALERTS_ACCOUNTED: _accounted,
    EventType.PREDICTION_MADE: _predicted,
    EventType.DIAGNOSIS_MADE: _diagnosed,
    EventType.DECISION_MADE: _decided,
    EventType.HUMAN_REQUESTED: _human,
    EventType.INCIDENT_ACKNOWLEDGED: _acknowledged,
    EventType.APPROVAL_REQUESTED: _approval_requested,
    EventType.APPROVAL_GIVEN: _approval_given,
    EventType.APPROVAL_REFUSED: _approval_refused,
    EventType.APPROVAL_EXPIRED: _approval_expired,
    EventType.ACTION_INTENDED: _intended,
    EventType.ACTION_COMPLETED: _completed,
    EventType.NOTIFICATION_QUEUED: _notified,
    EventType.NOTIFICATION_SENT: _notified,
    EventType.INCIDENT_RESOLVED: _resolved,
    EventType.INCIDENT_CLOSED: _closed,
}
