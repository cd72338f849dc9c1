"""What a demonstration came to, for a person and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agents.communication.impact import CURRENCY, cost, cost_saved
from ops.demo.rerun_check import RerunCheck
from ops.demo.shortfalls import advice, program
from ops.demo.snapshot import DemoSnapshot, Observed
from ops.demo.store_check import StoreCheck
from schemas.records.vocabulary import Action, Classification, Tier
from state.incident import IncidentState


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSummary:
    """The outcome. `missing` says in words what was not reached, empty where all was; `truth` what was really wrong, and
    `remedy` what mends it, by the scenario."""

    last: DemoSnapshot
    target_incident: IncidentState | None
    alerts: int
    human_mttr_s: float
    store: StoreCheck | None
    missing: tuple[str, ...]
    duration_s: float
    truth: Classification
    remedy: Action
    rerun: RerunCheck | None = None

    @property
    def good(self) -> bool:
        """Whether all was reached."""
        return not self.missing


def document(summary: DemoSummary) -> dict[str, Any]:
    """The JSON document of `breakwater demo --json`."""
    counts = summary.last.observed.alerts
    store = summary.store
    return {
        "scenario": summary.last.scenario,
        "environment": summary.last.environment,
        "alerts": {
            "sent": summary.last.fleet.sent,
            "received": counts.received,
            "kept": counts.kept,
            "suppressed": counts.suppressed + counts.late,  # a late alert is one that was not sampled
            "late": counts.late,
            "dead_lettered": counts.dead_lettered,
        },
        "incidents": [_incident(i, summary.last.observed) for i in summary.last.observed.incidents],
        "expected": {"classification": str(summary.truth), "action": str(summary.remedy)},
        "store": {
            "events": summary.last.observed.events,
            "verified": bool(store and store.verified),
            "events_of_all_runs": store.events if store else 0,
        },
        **({} if summary.rerun is None else {"rerun": summary.rerun.told, "rerun_incidents": summary.rerun.counted}),
        "opened_after_s": None
        if summary.target_incident is None
        else opened_after_s(summary.target_incident, summary.last),
        "duration_s": round(summary.duration_s, 1),
        "missing": list(summary.missing),
    }


def panel(summary: DemoSummary) -> RenderableType:
    """The summary for a person."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in _lines(summary):
        table.add_row(name, Text(text))
    parts: list[RenderableType] = [table]
    if summary.missing:
        parts += [Text(), *(Text(f"missing: {sentence}", style="red") for sentence in summary.missing)]
        parts.append(Text(f"what now: {advice(summary.last, summary.alerts)}"))
    style, word = ("green", "resolved") if summary.good else ("red", "not resolved")
    return Panel(Group(*parts), title=f"{summary.last.scenario}: {word}", border_style=style)


def _lines(summary: DemoSummary) -> list[tuple[str, str]]:
    last, found = summary.last, summary.target_incident
    counts, incidents = last.observed.alerts, last.observed.incidents
    told = [
        ("alerts in", f"{counts.received:,}"),
        ("kept", f"{counts.kept:,} went on to the agents, {counts.suppressed:,} suppressed, {counts.late:,} late"),
        ("dead letters", f"{counts.dead_lettered:,} malformed, kept byte for byte"),
        ("incidents", _incidents(incidents)),
    ]
    if found is not None:
        remedied = last.observed.remedied(found)
        told += _opening(found, last) + _story(remedied, summary)
        if remedied is not found:
            told.append(("since then", f"episode {found.episode} began and is {found.status}: {found.title}"))
    told += [("target memory", _memory(last)), ("event store", _store(summary.store, last.observed.events))]
    if summary.rerun is not None:
        told.append(("re-execution", summary.rerun.sentence))
    told.append(("took", f"{summary.duration_s:.0f} s in all"))
    if found is not None:
        told.append(("look closer", f"{program()} incidents timeline {found.incident_id}"))
    return told


def _incidents(incidents: Sequence[IncidentState]) -> str:
    """How many, and how many of them another one caused."""
    if not incidents:
        return "none"
    ids = {one.incident_id for one in incidents}
    caused = sum(one.parent_incident_id in ids for one in incidents)
    count = f"{len(incidents) - caused}, and {caused} because of it" if caused else str(len(incidents))
    return f"{count}: {', '.join(f'{one.service} {one.status}' for one in incidents)}"


def _opening(found: IncidentState, last: DemoSnapshot) -> list[tuple[str, str]]:
    """When it was noticed: by the first opening, whatever came of it later."""
    after_s = opened_after_s(found, last)
    return [] if after_s is None else [("noticed", f"{after_s:.1f} s after the fault: the incident was opened")]


def opened_after_s(found: IncidentState, last: DemoSnapshot) -> float | None:
    """From the fault to the opening of the incident's first episode, in seconds; None where that is not known."""
    first = last.observed.remedied(found)
    if not last.broken_at or first.opened_at is None:
        return None
    return max(first.opened_at - last.broken_at, 0) / 1000


def _story(found: IncidentState, summary: DemoSummary) -> list[tuple[str, str]]:
    sure = f" ({found.confidence:.0%} sure)" if found.confidence else ""
    kind = found.classification.lower().replace("_", " ")
    told = [("cause", f"{found.root_cause or f'not diagnosed, taken for {kind}'}{sure}")]
    right = "rightly" if found.classification == summary.truth else "wrongly"
    told.append(("in truth", f"{summary.truth.lower().replace('_', ' ')}, mended by {summary.remedy}: judged {right}"))
    if found.decision:
        told.append(("votes", f"{votes(found)} (weight x confidence)"))
        told.append(("decision", _decision(found.decision)))
    for action in found.actions:
        told.append(("action", f"{action['action']} {action['target']}: {action['state'].lower()}. {action['detail']}"))
        if action["checks"]:
            health = "healthy" if action["healthy"] else "not healthy"
            checks = "1 health check" if action["checks"] == 1 else f"{action['checks']} health checks"
            told.append(("verified", f"{health} after {checks} of the target itself"))
    if found.escalation:
        alone = bool(found.decision and found.decision["autonomous"])
        asked = f"{found.escalation['role']}: {found.escalation['reason']}"
        told.append(
            ("asked at first", f"{asked} Decided without an answer since.") if alone else ("human asked", asked)
        )
    if found.mttr_s is not None:
        told.append(("resolution", f"{found.mttr_s:.1f} s from opening to {found.status}: {found.outcome}"))
        told.append(("money", money(found, summary.human_mttr_s)))
    return told


def votes(found: IncidentState) -> str:
    """Who voted for what, with weight and confidence, on one line."""
    cast = (found.decision or {}).get("votes", [])
    return ", ".join(f"{v['agent']} {v['action']} {v['weight']:g} x {v['confidence']:.2f}" for v in cast)


def _decision(decision: dict[str, Any]) -> str:
    how = "autonomous" if decision["autonomous"] else f"escalated to {decision['escalated_to']}"
    sure = f"confidence {decision['confidence']:.2f}, support {decision['support']:.2f}"
    return f"{decision['action']} {decision['target']}, {sure}: {how}"


def money(found: IncidentState, human_mttr_s: float) -> str:
    """What an ended outage cost and what was saved, as people are told of it by notice too."""
    if not found.tier or found.opened_at is None or found.ended_at is None:
        return "not known"
    tier, users = Tier(found.tier), found.affected_users
    spent = cost(tier, found.opened_at, found.ended_at, users)
    saved = cost_saved(tier, found.opened_at, found.ended_at, human_mttr_s, users)
    human = f"a human's {human_mttr_s / 60:.0f} minutes"
    return f"{spent:,.0f} {CURRENCY} of outage; {saved:,.0f} {CURRENCY} saved against {human}"


def _memory(last: DemoSnapshot) -> str:
    seen = last.target
    told = f"{seen.peak_mb:.0f} MB at its worst, {seen.memory_mb:.0f} MB now, of {seen.limit_mb:.0f} MB that it may use"
    if seen.peak_mb <= seen.limit_mb:
        return told
    return f"{told}; beyond them it was out of memory by its own word, and no kernel ended it"


def _store(store: StoreCheck | None, events: int) -> str:
    if store is None:
        return f"{events:,} events of this run, not verified"
    held = f"the chains of all {store.events:,} events in the store {'verified' if store.verified else 'BROKEN'}"
    return f"{events:,} events of this run; {held}"


def _incident(now: IncidentState, observed: Observed) -> dict[str, Any]:
    found = observed.remedied(now)
    action = found.actions[-1] if found.actions else found.decision
    return {
        "incident_id": found.incident_id,
        "service": found.service,
        "episode": now.episode,
        "status": str(now.status),
        "classification": found.classification,
        "root_cause": found.root_cause,
        "parent_incident_id": found.parent_incident_id,
        "action": action["action"] if action else None,
        "mttr_s": found.mttr_s,
    }
