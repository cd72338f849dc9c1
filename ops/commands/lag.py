"""`breakwater lag`: who is behind, by how much, and which incidents wait."""

import json
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.commands.options import AsJson
from ops.connection import bootstrap_servers
from ops.lag.judgement import LagRow
from ops.lag.probe import REPLAYS, LagProbe
from ops.lag.watch import LagWatch
from ops.settings import load_settings
from ops.terminal.words import elided

_WATCH_S = 2.0
_SHOWN_INCIDENTS = 3
_PREFIX = "breakwater-"
# From so many columns on there is room for one incident that waits, and for several.
_WIDE, _WIDER = 110, 140
_TOPIC_WIDTH, _ID_WIDTH, _SMALL = 20, 14, 100
_COLOURS = {"OK": "green", "WARN": "yellow", "STALL": "red", "STOP": "red", "REWIND": "magenta"}


def lag(
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every two seconds, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """How far each consumer group of the cluster is behind: records, seconds, speed, time to close, incidents behind it.

    OK: nothing unread is 10 s old, or the group comes nearer to the end. WARN: it works, and comes no nearer. STALL: it does not
    work. STOP: nor has it members. REWIND: it went back. Replays are told apart. With --watch --json, one document a line. A
    narrow terminal leaves out the incidents.

    Example: breakwater lag --watch
    """
    with LagProbe(bootstrap_servers(load_settings())) as probe:
        if watch:
            _watch(probe, as_json=as_json)
            return
        found = document(LagWatch(probe.sample).judge())
        if as_json:
            typer.echo(json.dumps(found))
        else:
            console = Console()
            console.print(_page(found, console.width))


def document(rows: list[LagRow]) -> dict[str, list[dict[str, Any]]]:
    """The rows as the interface names their keys; those of replays apart."""
    plain = [asdict(row) for row in rows]
    return {
        "rows": [row for row in plain if not row["group"].startswith(REPLAYS)],
        "replays": [row for row in plain if row["group"].startswith(REPLAYS)],
    }


def _watch(probe: LagProbe, *, as_json: bool) -> None:
    watch = LagWatch(probe.sample)
    try:
        if as_json:
            while True:
                typer.echo(json.dumps(document(watch.look())))
                time.sleep(_WATCH_S)
        with Live(auto_refresh=False) as live:
            while True:
                live.update(_page(document(watch.look()), live.console.width), refresh=True)
                time.sleep(_WATCH_S)
    except KeyboardInterrupt:
        return


def _page(found: dict[str, list[dict[str, Any]]], width: int) -> Group:
    if not found["rows"]:
        return Group("No consumer group has read anything yet. Start one with `breakwater up`.")
    parts = [_table(found["rows"], width)]
    if found["replays"]:
        parts += [_table(found["replays"], width)]
    return Group(*parts)


def _table(rows: list[dict[str, Any]], width: int) -> Table:
    wide = width >= _WIDE
    table = Table(box=None, pad_edge=False)
    table.add_column("group", no_wrap=True)
    table.add_column("topic", no_wrap=True, overflow="ellipsis", max_width=None if wide else _TOPIC_WIDTH)
    for name in ("p", "lag", "lag s", "per s", "eta s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    if wide:
        table.add_column("incidents", no_wrap=True)
    for row in rows:
        table.add_row(
            row["group"].removeprefix(_PREFIX), row["topic"], str(row["partition"]), f"{row['lag']:,}",
            _short(row["lag_s"]), _short(row["velocity"]), "-" if row["eta_s"] is None else _short(row["eta_s"]),
            Text(row["status"], _COLOURS[row["status"]]), *([_waiting(row["incidents"], width)] if wide else []),
        )  # fmt: skip
    return table


def _waiting(incidents: list[str], width: int) -> str:
    shown = _SHOWN_INCIDENTS if width >= _WIDER else 1
    more = f" +{len(incidents) - shown}" if len(incidents) > shown else ""
    return " ".join(elided(one, _ID_WIDTH) for one in incidents[:shown]) + more


def _short(number: float) -> str:
    """A tenth matters of what is small only."""
    return f"{number:,.1f}" if abs(number) < _SMALL else f"{number:,.0f}"
