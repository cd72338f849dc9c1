"""The demonstration as it happens: a screen of a terminal, or plain lines where there is none. Pure: snapshot in, picture out."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.demo.snapshot import DemoSnapshot
from ops.demo.summary import votes
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
_TRAIL_WIDTH = 60
# Stages by worker, each with the topic that it tells by.
_STAGES: tuple[tuple[str, str, str], ...] = (
    ("analysis", "detection", CANDIDATES.name),
    ("analysis", "prediction", PREDICTIONS.name),
    ("analysis", "diagnosis", DIAGNOSES.name),
    ("analysis", "votes", RECOMMENDATIONS.name),
    ("command", "consensus", DECISIONS.name),
    ("command", "resolution", ACTIONS.name),
    ("command", "communication", NOTIFICATIONS.name),
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


def screen(snapshot: DemoSnapshot) -> RenderableType:
    """The whole picture; as high as it needs to be."""
    top = Table.grid(expand=True)
    top.add_column(ratio=1)
    top.add_column(ratio=1)
    top.add_row(_stages(snapshot), _target(snapshot))
    return Group(_header(snapshot), top, _incidents(snapshot))


def plain(snapshot: DemoSnapshot) -> str:
    """The same in one line, without control codes."""
    counts, fleet, seen = snapshot.observed.alerts, snapshot.fleet, snapshot.target
    parts = [
        f"{snapshot.elapsed_s:5.1f} s  {snapshot.step}",
        f"alerts {fleet.sent:,} sent, {counts.received:,} received, {counts.kept:,} kept, "
        f"{counts.suppressed:,} suppressed, {counts.dead_lettered:,} dead",
        f"{snapshot.target_service} {_health(snapshot)} {seen.memory_mb:.0f}/{seen.limit_mb:.0f} MB",
    ]
    parts += [f"{i.service} {i.status}{_because(i)}" for i in snapshot.observed.incidents]
    return "; ".join(parts)


def sparkline(values: Sequence[float], top: float, width: int = _TRAIL_WIDTH) -> str:
    """The last `width` values as bars, `top` being a full one.

    >>> sparkline([0.0, 50.0, 100.0], 100.0)
    ' ▄█'
    """
    steps = len(_BARS) - 1
    return "".join(_BARS[round(max(0.0, min(1.0, v / top)) * steps)] for v in values[-width:]) if top > 0 else ""


def _header(snapshot: DemoSnapshot) -> RenderableType:
    line = Text.assemble(
        (f" {snapshot.elapsed_s:5.1f} s ", "reverse"),
        ("  " + snapshot.step, "bold"),
        f"   environment {snapshot.environment}",
    )
    return Panel(Group(line, Text(snapshot.title, style="dim")), title=f"breakwater demo: {snapshot.scenario}")


def _stages(snapshot: DemoSnapshot) -> RenderableType:
    counts, fleet = snapshot.observed.alerts, snapshot.fleet
    table = Table(expand=True, box=None)
    for name, justify in (("stage", "left"), ("told", "right"), ("behind", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_row(f"fleet ({fleet.phase})", f"{fleet.sent:,}", f"{fleet.planned - fleet.sent:,} to send")
    table.add_row("sampling: received", f"{counts.received:,}", f"{max(0, fleet.sent - counts.received):,}")
    table.add_row("  kept", f"{counts.kept:,}", "")
    table.add_row("  suppressed", f"{counts.suppressed:,}", "")
    table.add_row("  dead-lettered", f"{counts.dead_lettered:,}", "")
    worker = ""
    for role, stage, topic in _STAGES:
        behind = f"{snapshot.lag[role]:,}" if role in snapshot.lag and role != worker else ""
        worker = role
        table.add_row(stage, f"{snapshot.observed.told.get(topic, 0):,}", behind)
    return Panel(table, title="the pipeline", height=18)


def _target(snapshot: DemoSnapshot) -> RenderableType:
    seen = snapshot.target
    latency = "-" if seen.latency_ms is None else f"{seen.latency_ms:.0f} ms"
    health = Text.assemble("health    ", (_health(snapshot), "green" if seen.healthy else "bold red"))
    return Panel(
        Group(
            health,
            Text(f"          {seen.why}", style="red"),
            Text(f"memory    {seen.memory_mb:.0f} MB of {seen.limit_mb:.0f} MB, {seen.peak_mb:.0f} MB at its worst"),
            Text(sparkline(seen.trail_mb, seen.limit_mb), style="red" if seen.suffering else "green"),
            Text(f"latency   {latency} at p95, {seen.error_rate:.0%} errors, {seen.request_rate:.0f} requests/s"),
            Text(f"fault     {seen.fault}"),
            Text(f"processes {', '.join(map(str, seen.pids)) or '-'}"),
            Text(f"address   {snapshot.target_url}"),
            Text(),
            Text(f"storms    {snapshot.observed.storms}, up to {snapshot.observed.loudest_storm_per_s:,.0f} alerts/s"),
        ),
        title=f"the target: {snapshot.target_service}",
        height=18,
    )


def _incidents(snapshot: DemoSnapshot) -> RenderableType:
    table = Table(expand=True, box=None)
    for name in ("service", "status", "what", "cause", "action", "time"):
        table.add_column(name, no_wrap=name != "cause")
    for found in snapshot.observed.incidents:
        style = _STATUS_STYLE.get(found.status, "")
        table.add_row(
            found.service, Text(found.status, style=style), found.classification.lower().replace("_", " "),
            found.root_cause, _action(found), f"{_open_s(found, snapshot.at):.0f} s",
        )  # fmt: skip
    body: RenderableType = table if snapshot.observed.incidents else Text("none yet", style="dim")
    ballots = [Text(f"{i.service}: {votes(i)}", style="dim") for i in snapshot.observed.incidents if _voted_to_act(i)]
    return Panel(Group(body, *ballots), title="incidents")


def _health(snapshot: DemoSnapshot) -> str:
    seen = snapshot.target
    if not seen.at:
        return "not started"
    if not seen.reachable:
        return "away"
    return "healthy" if seen.healthy else "failing"


def _because(found: IncidentState) -> str:
    action = _action(found)
    what = found.classification.lower().replace("_", " ")
    return f" ({what}, {action})" if action else f" ({what})"


def _action(found: IncidentState) -> str:
    if found.actions:
        last = found.actions[-1]
        return f"{last['action']} {last['state'].lower()}"
    return found.decision["action"] if found.decision else ""


def _voted_to_act(found: IncidentState) -> bool:
    return bool(found.decision and found.decision["action"] != "NOOP")


def _open_s(found: IncidentState, at: Millis) -> float:
    return found.mttr_s if found.mttr_s is not None else max(0.0, (at - (found.opened_at or at)) / 1000)
