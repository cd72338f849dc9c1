"""The demonstration as it happens: a screen of a terminal, or plain lines where there is none. Pure: snapshot in, picture out."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.demo.snapshot import DemoSnapshot
from ops.demo.summary import votes
from ops.terminal.words import counted
from schemas.records.vocabulary import Millis
from state.incident import IncidentState, Status
from streams.topics import (
    ACTIONS,
    CANDIDATES,
    DECISIONS,
    DIAGNOSES,
    EVENTS,
    NOTIFICATIONS,
    PREDICTIONS,
    RECOMMENDATIONS,
)

_BARS = " ▁▂▃▄▅▆▇█"
_TRAIL_WIDTH = 24
_PANEL_ROWS = 11
# The two lines of the header, the panels, and of the incidents the frame and the votes.
_ROWS_ABOVE = 2 + _PANEL_ROWS + 4
# Stages by worker, each with the topic that it tells by.
_STAGES: tuple[tuple[str, str, str], ...] = (
    ("analysis", "detection", CANDIDATES.name),
    ("analysis", "prediction", PREDICTIONS.name),
    ("analysis", "diagnosis", DIAGNOSES.name),
    ("analysis", "votes", RECOMMENDATIONS.name),
    ("command", "consensus", DECISIONS.name),
    ("command", "resolution", ACTIONS.name),
    ("command", "notices", NOTIFICATIONS.name),
    ("command", "event store", EVENTS.name),
)
_STATUS_STYLE = {
    Status.OPEN: "red",
    Status.DIAGNOSED: "yellow",
    Status.DECIDED: "yellow",
    Status.REMEDIATING: "cyan",
    Status.ESCALATED: "magenta",
    Status.RESOLVED: "green",
    Status.CLOSED: "green",
}


def screen(snapshot: DemoSnapshot, rows: int = 50) -> RenderableType:
    """The whole picture, on a terminal of so many rows: what does not fit of the incidents is counted."""
    top = Table.grid(expand=True)
    for ratio in (23, 29, 28):
        top.add_column(ratio=ratio)
    top.add_row(_alerts(snapshot), _stages(snapshot), _target(snapshot))
    return Group(_header(snapshot), top, _incidents(snapshot, max(3, rows - _ROWS_ABOVE)))


def plain(snapshot: DemoSnapshot) -> str:
    """The same in one line, without control codes; of the incidents that wait for another only the number."""
    counts, fleet, seen = snapshot.observed.alerts, snapshot.fleet, snapshot.target
    parts = [
        f"{snapshot.elapsed_s:5.1f} s  {snapshot.step}",
        f"{counted(fleet.sent, 'alert')} sent, {counts.received:,} received, {counts.kept:,} kept, "
        f"{counts.suppressed:,} suppressed, {counts.dead_lettered:,} dead",
        f"{snapshot.target_service} {_health(snapshot)} {seen.memory_mb:.0f}/{seen.limit_mb:.0f} MB",
    ]
    incidents = snapshot.observed.incidents
    parts += [f"{i.service} {i.status}{_because(i)}" for i in incidents if i.service == snapshot.target_service]
    others = Counter(str(i.status) for i in incidents if i.service != snapshot.target_service)
    parts += [f"others: {', '.join(f'{count} {status}' for status, count in others.items())}"] if others else []
    return "; ".join(parts)


def sparkline(values: Sequence[float], top: float, width: int = _TRAIL_WIDTH) -> str:
    """The last `width` values as bars, `top` being a full one.

    >>> sparkline([0.0, 50.0, 100.0], 100.0)
    ' ▄█'
    """
    steps = len(_BARS) - 1
    return "".join(_BARS[round(max(0.0, min(1.0, v / top)) * steps)] for v in values[-width:]) if top > 0 else ""


def _header(snapshot: DemoSnapshot) -> RenderableType:
    return Text.assemble(
        (f" {snapshot.elapsed_s:5.1f} s ", "reverse"), (f"  {snapshot.step}\n", "bold"), (f" {snapshot.title}", "dim"),
        no_wrap=True, overflow="ellipsis",
    )  # fmt: skip


def _alerts(snapshot: DemoSnapshot) -> RenderableType:
    counts, fleet = snapshot.observed.alerts, snapshot.fleet
    table = _columns("left", "right")
    for name, count in (
        ("planned", fleet.planned), ("sent", fleet.sent), ("received", counts.received), ("kept", counts.kept),
        ("suppressed", counts.suppressed), ("late", counts.late), ("dead", counts.dead_lettered),
        ("storms", snapshot.observed.storms),
    ):  # fmt: skip
        table.add_row(name, f"{count:,}")
    table.add_row("loudest/s", f"{snapshot.observed.loudest_storm_per_s:,.0f}")
    return Panel(table, title=f"alerts: {fleet.phase}", height=_PANEL_ROWS)


def _stages(snapshot: DemoSnapshot) -> RenderableType:
    table = _columns("left", "right", "right")
    table.add_row(*(Text(word, style="dim") for word in ("stage", "told", "behind")))
    worker = ""
    for role, stage, topic in _STAGES:
        behind = f"{snapshot.lag[role]:,}" if role in snapshot.lag and role != worker else ""
        worker = role
        table.add_row(stage, f"{snapshot.observed.told.get(topic, 0):,}", behind)
    return Panel(table, title="the agents", height=_PANEL_ROWS)


def _target(snapshot: DemoSnapshot) -> RenderableType:
    seen = snapshot.target
    latency = "-" if seen.latency_ms is None else f"{seen.latency_ms:.0f} ms"
    return Panel(
        Group(
            Text(_health(snapshot), style="green" if seen.healthy else "bold red"),
            _line(seen.why, "red"),
            _line(f"memory {seen.memory_mb:.0f}/{seen.limit_mb:.0f} MB, peak {seen.peak_mb:.0f}"),
            _line(sparkline(seen.trail_mb, seen.limit_mb), "red" if seen.suffering else "green"),
            _line(f"p95 {latency}, {seen.error_rate:.0%} errors"),
            _line(f"{seen.request_rate:.0f} requests/s"),
            _line(f"fault {seen.fault}"),
            _line(f"pid {', '.join(map(str, seen.pids)) or '-'}"),
            _line(snapshot.target_url, "dim"),
        ),
        title=f"target: {snapshot.target_service}",
        height=_PANEL_ROWS,
    )


def _incidents(snapshot: DemoSnapshot, most: int) -> RenderableType:
    incidents = snapshot.observed.incidents
    if not incidents:
        return Panel(Text("none yet", style="dim"), title="incidents")
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    for found in incidents[:most]:
        status = Text(found.status, style=_STATUS_STYLE.get(found.status, ""))
        table.add_row(found.service, status, _cause(found), _action(found), f"{_open_s(found, snapshot.at):.0f} s")
    left = [_line(f"and {len(incidents) - most} more", "dim")] if len(incidents) > most else []
    ballots = [_line(f"{i.service}: {votes(i)}", "dim") for i in incidents if _voted_to_act(i)]
    return Panel(Group(table, *left, *ballots), title=f"incidents in {snapshot.environment}")


def _columns(*justify: Literal["left", "right"]) -> Table:
    table = Table.grid(expand=True, padding=(0, 1, 0, 0))
    for side in justify:
        table.add_column(justify=side, no_wrap=True)
    return table


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _cause(found: IncidentState) -> str:
    return found.root_cause or found.classification.lower().replace("_", " ")


def _health(snapshot: DemoSnapshot) -> str:
    seen = snapshot.target
    if not seen.at:
        return "not started"
    if not seen.reachable:
        return "away"
    return "healthy" if seen.healthy else "failing"


def _because(found: IncidentState) -> str:
    action = _action(found)
    return f" ({_cause(found)}, {action})" if action else f" ({_cause(found)})"


def _action(found: IncidentState) -> str:
    if found.actions:
        last = found.actions[-1]
        return f"{last['action']} {last['state'].lower()}"
    return found.decision["action"] if found.decision else ""


def _voted_to_act(found: IncidentState) -> bool:
    return bool(found.decision and found.decision["action"] != "NOOP")


def _open_s(found: IncidentState, at: Millis) -> float:
    return found.mttr_s if found.mttr_s is not None else max(0.0, (at - (found.opened_at or at)) / 1000)
