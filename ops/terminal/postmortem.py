"""The story of an incident as a Markdown page: what a postmortem begins with. What others wrote in it stays text."""

import re
from collections.abc import Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table

from ops.terminal.stage_times import StageTime
from ops.terminal.story import Line
from ops.terminal.words import clean, duration, figure, lower, percent
from ops.times import iso
from state.incident import IncidentState

# What Markdown, or HTML in it, would take for more than text.
_MARKS = re.compile(r"([\\`*_\[\]<>|#~!])")
_LINK = re.compile(r"(?i)(https?|ftp|mailto|javascript|data):")


def plain(text: object) -> str:
    """Text that Markdown shows as it is: no markup, no links, one line."""
    return _LINK.sub(r"\1&#58;", _MARKS.sub(r"\\\1", clean(text).replace("&", "&amp;")))


def markdown(state: IncidentState, lines: Sequence[Line], times: Sequence[StageTime]) -> str:
    """The page: summary, durations against budgets, the story by episode, and what to fill in by hand."""
    parts = [_summary(state), _durations(times), *_episodes(lines), _ending(state)]
    return "\n\n".join(parts) + "\n"


def time_table(times: Sequence[StageTime]) -> RenderableType:
    """Durations against budgets for a terminal."""
    table = Table("stage", "what", "took", "target", "limit", "", box=None, pad_edge=False, header_style="bold")
    for one in times:
        took = "-" if one.took_s is None else duration(one.took_s)
        table.add_row(one.stage, one.of, took, duration(one.target_s), duration(one.limit_s), one.verdict)
    return table


def _summary(state: IncidentState) -> str:
    told = [
        ("incident", f"{state.incident_id}, tenant {state.tenant}"),
        ("service", f"{state.service} ({state.environment})"),
        ("status", f"{state.status}" + (f": {state.outcome}" if state.outcome else "")),
        ("severity", lower(state.severity or "unknown")),
        ("kind", f"{lower(state.classification or 'unknown')}, {percent(state.confidence)} sure"),
        ("root cause", state.root_cause or "not found"),
        ("opened", iso(state.opened_at) if state.opened_at is not None else "-"),
        ("ended", iso(state.ended_at) if state.ended_at is not None else "-"),
        ("took", duration(state.mttr_s) if state.mttr_s is not None else "-"),
        ("alerts", figure(state.alerts.get("received")) if state.alerts else "-"),
        ("last event", f"version {state.version}, hash {state.head_hash}"),
    ]
    rows = "\n".join(f"| {name} | {plain(value)} |" for name, value in told)
    return f"# {plain(state.title or state.incident_id)}\n\n| | |\n|---|---|\n{rows}"


def _durations(times: Sequence[StageTime]) -> str:
    head = "## How long it took\n\n| episode | stage | what | took | target | limit | |\n|---|---|---|---|---|---|---|"
    rows = [
        f"| {one.episode} | {one.stage} | {one.of} | {'-' if one.took_s is None else duration(one.took_s)} "
        f"| {duration(one.target_s)} | {duration(one.limit_s)} | {one.verdict} |"
        for one in times
    ]
    return "\n".join([head, *rows])


def _episodes(lines: Sequence[Line]) -> list[str]:
    return [
        "\n".join([f"## What happened: episode {episode}", "", *(_told(line) for line in told)])
        for episode, told in groupby(lines, key=lambda line: line.episode)
    ]


def _told(line: Line) -> str:
    said = f"- **{iso(line.at_ms)}** (+{duration(line.after_s)}) {plain(line.who)}: {plain(line.what)}"
    return "\n".join([said, *(f"    - {plain(reason)}" for reason in line.why)])


def _ending(state: IncidentState) -> str:
    return (
        "## To be written by people\n\n- What did customers notice?\n- What went well, what did not, where were we lucky?\n"
        f"- What changes, who does it, until when?\n\nMade from the event store. To check it: `breakwater events verify "
        f"--incident {state.incident_id}`; to make its decisions again: `breakwater rerun {state.incident_id}`."
    )
