"""`breakwater rerun`: an incident's decisions made again, and held against what was recorded."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.options import AsJson, tell_on_stderr
from ops.connection import bootstrap_servers
from ops.reexecution.lookup import is_file, recording_in, recording_of
from ops.reexecution.outcome import Divergence, Verdict
from ops.reexecution.recording import WITHOUT_ALERTS, Recording
from ops.reexecution.rerun import rerun as make_again
from ops.settings import load_settings
from ops.times import iso

_SHOWN_CHARS = 400


def rerun(
    incident: Annotated[str, typer.Argument(metavar="ID|FILE", help="An incident's id, or a bundle's file.")],
    as_json: AsJson = False,
) -> None:
    """Make an incident's decisions again, sealed off from the world, and compare each with the record.

    Says `identical`, or the first decision that differs, with both sides and its offset. What the log has lost is listed, and
    the verdict is partial then. Exit code 1 where anything differs or is missing.

    Example: breakwater rerun inc-0a1b2c3d4e5f6071

    Example: breakwater rerun checkout.bundle --json
    """
    verdict = make_again(_recording(incident))
    if as_json:
        typer.echo(json.dumps(verdict.document()))
    else:
        _show(verdict)
    if not verdict.whole:
        raise typer.Exit(1)


def _recording(incident: str) -> Recording:
    if is_file(incident):
        return recording_in(incident)
    settings = load_settings()
    tell_on_stderr("reading the log …")
    return recording_of(bootstrap_servers(settings), settings, incident, topics=WITHOUT_ALERTS)


def _show(verdict: Verdict) -> None:
    stages = ", ".join(f"{name} {count:,}" for name, count in verdict.by_stage.items())
    typer.echo(f"{verdict.incident_id}: {verdict.decisions:,} decisions made again ({stages or 'none'}).")
    if not verdict.same_code:
        typer.echo("This is not the code that decided then: where it differs, that may be why.")
    for one in verdict.missing:
        where = f"{one.topic}-{one.partition}" + (f" offsets {one.first} to {one.last}" if one.last >= 0 else "")
        typer.echo(f"missing: {where}: {one.why}")
    partial = " The verdict is partial: it is of what there is." if verdict.missing else ""
    typer.echo(f"{verdict.result}.{partial}")
    if verdict.divergences:
        _show_first(verdict.divergences[0], len(verdict.divergences))


def _show_first(first: Divergence, count: int) -> None:
    where = f"{first.topic}-{first.partition} offset {first.offset}" if first.offset >= 0 else first.topic
    typer.echo(f"The first of {count}: {first.stage}, {iso(first.at)}, {where or first.cause}: {first.what}.")
    if first.cause:
        typer.echo(f"Decided on {first.cause}.")
    table = Table("field", "recorded", "decided again", box=None)
    for name in first.fields or sorted({*(first.recorded or {}), *(first.decided or {})}):
        table.add_row(name, _side(first.recorded, name), _side(first.decided, name))
    Console().print(table)


def _side(side: dict[str, Any] | None, name: str) -> str:
    return "(nothing)" if side is None else json.dumps(side.get(name), default=str)[:_SHOWN_CHARS]
