"""One incident for a person: what it is, its cause, how the agents voted, what was done, how long it took, what it cost."""

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.terminal.incident_list import status_text
from ops.terminal.words import ago, clean, duration, figure, lower, money, percent
from ops.times import iso
from schemas.records.command import ApprovalState
from schemas.records.vocabulary import Millis
from state.incident import IncidentState, Status

Fields = dict[str, Any]


def incident_panels(state: IncidentState, now_ms: Millis) -> RenderableType:
    """All that is known of an incident; a panel for each thing that there is something to say of."""
    parts = [
        ("what", _what(state, now_ms)),
        ("cause", _cause(state)),
        ("decision", _decision(state.decision)),
        ("actions", _actions(state.actions)),
        ("human", _human(state)),
        ("alerts", _alerts(state)),
        ("outcome", _outcome(state)),
    ]
    return Group(*(Panel(part, title=name, title_align="left") for name, part in parts if part is not None))


def _what(state: IncidentState, now_ms: Millis) -> RenderableType:
    rows: list[tuple[str, RenderableType | str]] = [
        ("incident", clean(state.incident_id)),
        ("title", clean(state.title)),
        ("status", status_text(state.status)),
        ("severity", lower(state.severity)),
        ("service", f"{clean(state.service)} ({lower(state.tier)}), {clean(state.environment)}"),
        ("tenant", clean(state.tenant)),
    ]
    if state.opened_at is not None:
        rows.append(("opened", f"{iso(state.opened_at)}, {ago(state.opened_at, now_ms)}, episode {state.episode}"))
    rows.append(("events", f"{state.version}, the last {ago(state.updated_at, now_ms)}, head {state.head_hash[:16]}"))
    return _pairs(rows)


def _cause(state: IncidentState) -> RenderableType | None:
    rows: list[tuple[str, RenderableType | str]] = []
    if state.root_cause:
        rows.append(("root cause", clean(state.root_cause)))
    if state.classification:
        rows.append(("kind", f"{lower(state.classification)}, {percent(state.confidence)} sure"))
    if state.parent_incident_id:
        rows.append(("part of", clean(state.parent_incident_id)))
    if state.prediction:
        rows.append(("prediction", _prediction(state.prediction)))
    return _pairs(rows) if rows else None


def _prediction(p: Fields) -> str:
    due_s = p.get("breach_in_s")
    due = f" in about {duration(due_s)}" if isinstance(due_s, int | float) else ""
    return (
        f"{clean(p.get('metric', '?'))} passes {figure(p.get('level'))}{due}: {percent(p.get('probability'))} likely "
        f"({clean(p.get('model', '?'))})"
    )


def _decision(decision: Fields | None) -> RenderableType | None:
    if decision is None:
        return None
    who = (
        "autonomous"
        if decision.get("autonomous")
        else f"for {clean(decision.get('escalated_to') or 'a human')} to make"
    )
    rows: list[tuple[str, RenderableType | str]] = [
        ("decided", f"{lower(decision.get('action', '?'))} {clean(decision.get('target', ''))}, {who}"),
        ("because", clean(decision.get("reason", ""))),
        ("confidence", f"{percent(decision.get('confidence'))}, support {percent(decision.get('support'))}"),
    ]
    if decision.get("fallback"):
        rows.append(("note", "made by the fallback, without consensus"))
    votes = decision.get("votes")
    return Group(_pairs(rows), _votes(votes)) if isinstance(votes, list) and votes else _pairs(rows)


def _votes(votes: list[Fields]) -> RenderableType:
    table = _table("agent", "vote", "sure", "weight", "why")
    for vote in votes:
        table.add_row(
            clean(vote.get("agent", "?")),
            f"{lower(vote.get('action', '?'))} {clean(vote.get('target', ''))}",
            percent(vote.get("confidence")),
            figure(vote.get("weight")),
            Text(clean(vote.get("rationale", ""))),
        )
    return table


def _actions(actions: list[Fields]) -> RenderableType | None:
    if not actions:
        return None
    table = _table("action", "state", "checks", "cost", "what came of it")
    for action in actions:
        table.add_row(
            f"{lower(action.get('action', '?'))} {clean(action.get('target', ''))}",
            lower(action.get("state", "?")) + (", healthy" if action.get("healthy") else ""),
            figure(action.get("checks")),
            money(action.get("cost")),
            Text(clean(action.get("detail", ""))),
        )
    return table


def _human(state: IncidentState) -> RenderableType | None:
    escalation, approval = state.escalation or {}, state.approval or {}
    asked = escalation or approval
    rows: list[tuple[str, RenderableType | str]] = [
        ("asked", clean(asked.get("role", "?"))),
        ("because", clean(asked.get("reason", ""))),
    ]
    tried = escalation.get("tried")
    if isinstance(tried, list) and tried:
        rows.append(("tried", ", ".join(map(lower, tried))))
    if approval.get("state") == ApprovalState.PENDING:
        rows.append(("to answer", "/approvals on the page, which shows the whole plan (`breakwater serve`)"))
    elif state.status is Status.ESCALATED:
        rows.append(("to do", "repair it by hand: no plan of it waits; it closes once its alerts end"))
    return _pairs(rows) if asked else None


def _alerts(state: IncidentState) -> RenderableType | None:
    if not state.alerts:
        return None
    parts = [
        f"{figure(state.alerts.get(k))} {k.replace('_', ' ')}" for k in ("kept", "suppressed", "late", "dead_lettered")
    ]
    storm = ", a storm is on" if state.storm and state.active else ""
    return Text(f"{figure(state.alerts.get('received'))} received = {' + '.join(parts)}{storm}")


def _outcome(state: IncidentState) -> RenderableType | None:
    if state.ended_at is None:
        return None
    cost = sum(a["cost"] for a in state.actions if isinstance(a.get("cost"), int | float))
    spent = f", actions cost {money(cost)}" if state.actions else ""
    took = f" after {duration(state.mttr_s)}" if state.mttr_s is not None else ""
    return Text(f"{str(state.status).capitalize()}{took}: {clean(state.outcome)}{spent}")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns[:-1]:
        table.add_column(column)
    table.add_column(columns[-1], ratio=1, overflow="fold")
    return table


def _pairs(rows: list[tuple[str, RenderableType | str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value) if isinstance(value, str) else value)
    return table
