"""A page of incidents, and the story of one, as tables."""

from itertools import pairwise

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ops.terminal.story import Line
from ops.terminal.words import ago, clean, duration, elided, figure, lower
from ops.times import iso
from schemas.records.vocabulary import Millis
from state.incident import ENDED, IncidentState, Status
from state.ports import IncidentQuery

# From so many columns on a line has room for everything.
WIDE = 100
_ID_WIDE, _ID_NARROW = 36, 14

COLOURS: dict[str, str] = {
    Status.OPEN: "bold red",
    Status.DIAGNOSED: "red",
    Status.DECIDED: "yellow",
    Status.REMEDIATING: "yellow",
    Status.ESCALATED: "bold magenta",
    Status.RESOLVED: "green",
    Status.CLOSED: "dim",
}


def incident_table(states: list[IncidentState], now_ms: Millis, width: int = WIDE) -> RenderableType:
    """Incidents, a line each, in the order given; on a terminal narrower than WIDE ids are elided, and `took` left out."""
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("incident", no_wrap=True)
    table.add_column("status", no_wrap=True)
    # Of all columns the one that gives way: the text in it does not wrap, the column itself may be narrowed.
    table.add_column("what", ratio=1)
    table.add_column("alerts", justify="right", no_wrap=True)
    if wide:
        table.add_column("took", justify="right", no_wrap=True)
    table.add_column("changed", justify="right", no_wrap=True)
    for state in states:
        took = duration(state.mttr_s) if state.mttr_s is not None and state.status in ENDED else "-"
        table.add_row(
            Text(elided(state.incident_id, _ID_WIDE if wide else _ID_NARROW)),
            status_text(state.status),
            Text(
                f"{clean(state.title or state.service)} ({lower(state.classification or 'unknown')})",
                no_wrap=True,
                overflow="ellipsis",
            ),
            figure(state.alerts.get("received")) if state.alerts else "-",
            *([took] if wide else []),
            ago(state.updated_at, now_ms),
        )
    return table


def nothing_found(query: IncidentQuery) -> str:
    """What to do where a list is empty."""
    if any(value is not None for value in (query.status, query.tenant, query.service, query.since, query.cursor)):
        return "No incident matches. Leave out a filter to see more: `breakwater incidents list`."
    return (
        "There are no incidents. `breakwater demo` makes and resolves one; `breakwater status` tells whether the "
        "workers run and alerts come in."
    )


def story_table(lines: list[Line]) -> RenderableType:
    """A story from its first line on, an episode after the other."""
    parts: list[RenderableType] = []
    starts = [0, *(n for n, (a, b) in enumerate(pairwise(lines), 1) if a.episode != b.episode), len(lines)]
    for start, end in pairwise(starts):
        if start < end:
            first = lines[start]
            parts += [
                Rule(Text(f"episode {first.episode}, {iso(first.at_ms)}"), align="left"),
                _episode(lines[start:end]),
            ]
    return Group(*parts)


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(clean(status), style=COLOURS.get(status, ""))


def _episode(lines: list[Line]) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right", no_wrap=True, style="cyan")
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=1, overflow="fold")
    for line in lines:
        reasons: list[RenderableType] = [Padding(Text(reason, style="dim"), (0, 0, 0, 2)) for reason in line.why]
        table.add_row(f"+{duration(line.after_s)}", Text(clean(line.who)), Group(Text(line.what), *reasons))
    return table
