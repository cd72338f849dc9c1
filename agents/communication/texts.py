"""The words of notices: what happened, what it means, what is done next, and whether the reader has to act."""

from agents.communication.impact import CURRENCY, cost, cost_per_minute, cost_saved
from agents.communication.notices_state import NoticesState
from schemas.records.vocabulary import Millis

_LONGEST = 600
_MOST_TRIED = 5


def headline(incident_id: str, state: NoticesState, status: str) -> str:
    """One line: how bad, which service, what kind of trouble, what became of it."""
    return f"[{state.severity}] {state.service}: {_kind(state)} {status} ({incident_id})"


_BY_HAND = (
    "Where the page's approvals hold a plan of it, approve or refuse it there. Where they hold none, its service is no target of "
    "Breakwater's: repair it by hand, and the incident closes once its alerts end."
)


def opened(incident_id: str, state: NoticesState, now: Millis) -> str:
    """The body of the first notice of an episode."""
    return _body(
        incident_id,
        happened=_happened(state),
        means=f"{_cause(state)} {_stake(state, now)}",
        following=_following(state),
        act="No. You will be asked if that changes.",
    )


def escalated(incident_id: str, state: NoticesState, *, reason: str, role: str, tried: list[str], now: Millis) -> str:
    """The body of a request to a human: why, and what was tried."""
    attempts = "; ".join(_clean(text) for text in tried[-_MOST_TRIED:]) or "nothing yet"
    return _body(
        incident_id,
        happened=_happened(state),
        means=f"It is not being repaired automatically: {_clean(reason)}. {_cause(state)} {_stake(state, now)}",
        following=f"Nothing until a {role} decides. Tried so far: {attempts}.",
        act=f"Yes, a {role}, now. {'Do not simply repeat what was tried. ' if tried else ''}{_BY_HAND}",
    )


def resolved(incident_id: str, state: NoticesState, *, how: str, ended_at: Millis, human_mttr_s: float) -> str:
    """The body of the good news: how, after how long, at what cost."""
    took_s = max(0.0, (ended_at - state.opened_at) / 1000)
    spent = cost(state.tier, state.opened_at, ended_at, state.affected_users)
    saved = cost_saved(state.tier, state.opened_at, ended_at, human_mttr_s, state.affected_users)
    return _body(
        incident_id,
        happened=f"{_named(state)} is well again: {_clean(how)}, {duration(took_s)} after the incident opened.",
        means=f"{_cause(state)} It cost about {spent:,.0f} {CURRENCY}; about {saved:,.0f} {CURRENCY} were saved against "
        f"a human's {duration(human_mttr_s)}.",
        following="It is watched; if it fires again a new episode opens.",
        act="No. Read the timeline for the postmortem.",
    )


def closed(incident_id: str, state: NoticesState, *, reason: str) -> str:
    """The body of the end of an episode that nobody repaired."""
    return _body(
        incident_id,
        happened=f"The incident of {_named(state)} was closed: {_clean(reason)}.",
        means="Nothing more was heard of it. It was not verified that the service is healthy.",
        following="If it fires again a new episode opens.",
        act="Only if you doubt that the service is well.",
    )


def duration(seconds: float) -> str:
    """A time span as people say it: 48 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def command(incident_id: str) -> str:
    """What shows everything about an incident."""
    return f"breakwater incidents timeline {incident_id}"


def _body(incident_id: str, *, happened: str, means: str, following: str, act: str) -> str:
    lines = (
        f"What happened: {happened}",
        f"What it means: {means.strip()}",
        f"What is done next: {following}",
        f"Do you have to act? {act}",
        f"More: {command(incident_id)}",
    )
    return "\n".join(lines)


def _happened(state: NoticesState) -> str:
    return f"{_named(state)} is in trouble ({_kind(state)}): {_clean(state.title)}."


def _named(state: NoticesState) -> str:
    return f"{state.service} in {state.environment} ({state.tier.lower()} tier, tenant {state.tenant})"


def _kind(state: NoticesState) -> str:
    words = state.classification.lower().replace("_", " ")
    return "trouble of unknown kind" if words == "unknown" else words


def _cause(state: NoticesState) -> str:
    if not state.root_cause:
        return "The cause is not known yet."
    return f"The cause is most likely {state.root_cause} (confidence {state.confidence:.2f})."


def _stake(state: NoticesState, now: Millis) -> str:
    rate = cost_per_minute(state.tier, now, state.affected_users)
    spent = cost(state.tier, state.opened_at, now, state.affected_users)
    users = f" {state.affected_users:,} users are affected." if state.affected_users else ""
    return f"It costs about {rate:,.0f} {CURRENCY} a minute, {spent:,.0f} so far.{users}"


def _following(state: NoticesState) -> str:
    decision = state.decision
    if decision is None:
        return "The agents are agreeing on a remedy."
    if not decision["autonomous"]:
        return "A human is being asked."
    if decision["action"] == "NOOP":
        return "It was agreed to wait until its alerts clear."
    return (
        f"{decision['action']} on {decision['target']} was agreed (confidence {decision['confidence']:.2f}) and begins."
    )


def _clean(text: str) -> str:
    """Text of others in one line, without control characters or a full stop at the end, cut to what one reads."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split()).rstrip(".")
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
