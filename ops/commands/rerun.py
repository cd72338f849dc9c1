"""`breakwater rerun`: an incident's decisions made again, and held against what was recorded."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.options import AsJson, tell_on_stderr
from ops.composition.decision_settings import with_changes
from ops.connection import bootstrap_servers
from ops.reexecution.lookup import is_file, recording_in, recording_of
from ops.reexecution.outcome import Divergence, Verdict, Window
from ops.reexecution.recording import ALL, WITHOUT_ALERTS, Recording
from ops.reexecution.rerun import rerun as make_again
from ops.settings import Settings, load_settings
from ops.terminal.words import counted
from ops.times import iso, parse_time
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from streams.topics import Topic

if TYPE_CHECKING:
    from ops.reexecution.what_if import WhatIf

_SHOWN_CHARS = 400


def rerun(
    incident: Annotated[str, typer.Argument(metavar="ID|FILE", help="An incident's id, or a bundle's file.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SETTING=VALUE", help="What if it had been set so? May be given again."),
    ] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="T", help="Judge decisions from then on.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="T", help="Judge decisions up to then, inclusive.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an incident's decisions again, sealed off from the world, and compare each with the record.

    Says `identical`, or the first decision that differs, with both sides and its offset. What the log has lost is listed, and
    the verdict is partial then. Exit code 1 where anything differs or is missing.

    Example: breakwater rerun inc-0a1b2c3d4e5f6071

    Times are ISO 8601, epoch seconds or milliseconds, or how long ago (15m). What lies before --from is made again as well: what
    was decided rests on it. It is just not judged.

    Example: breakwater rerun inc-0a1b2c3d4e5f6071 --from 2026-11-20T16:00:00Z --to 2026-11-20T16:05:00Z

    With --set the incident is also lived through again by these settings, and a table shows what changes.

    Example: breakwater rerun checkout.bundle --json

    Example: breakwater rerun inc-0a1b2c3d4e5f6071 --set sampling.max_rate=50 --set confidence_gate=0.8
    """
    chosen, window = _changes(changes or []), _window(start, end)
    recording = _recording(incident, ALL if chosen else WITHOUT_ALERTS)
    verdict = make_again(recording, window=window)
    other = _what_if(recording, chosen) if chosen else None
    if as_json:
        typer.echo(json.dumps({**verdict.document(), **({"what_if": other.document()} if other else {})}))
    else:
        _show(verdict)
        if other:
            _show_what_if(other)
    if not verdict.whole:
        raise typer.Exit(1)


def _changes(texts: list[str]) -> dict[str, str]:
    found = dict(text.partition("=")[::2] for text in texts)
    for text in texts:
        if "=" not in text:
            raise typer.BadParameter(f"{text!r} is no SETTING=VALUE.", param_hint="--set")
    try:
        with_changes(Settings.model_construct(), found)
    except InvalidInputError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error
    return found


def _window(start: str | None, end: str | None) -> Window:
    now = wall_clock_ms()
    window = Window(_time(start, now, "--from"), _time(end, now, "--to"))
    if window.first is not None and window.last is not None and window.last < window.first:
        raise typer.BadParameter("It lies before --from.", param_hint="--to")
    return window


def _time(text: str | None, now: Millis, option: str) -> Millis | None:
    try:
        return None if text is None else parse_time(text, now)
    except InvalidInputError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _what_if(recording: Recording, changes: dict[str, str]) -> "WhatIf":
    # Sampling brings numpy and Faust along; a second that others need not wait.
    from ops.reexecution.what_if import what_if  # noqa: PLC0415

    return what_if(recording, changes)


def _show_what_if(other: "WhatIf") -> None:
    said = ", ".join(f"{name}={value}" for name, value in other.changes.items())
    table = Table("", "recorded", "lived again", f"with {said}", box=None)
    for name, *values in other.rows():
        style = "bold" if values[1] != values[2] else None
        table.add_row(name.replace("_", " "), *(_figure(name, value) for value in values), style=style)
    Console().print(table)
    if not other.changed.outcome_known:
        typer.echo("Another action was chosen than then; what it would have come to, nobody knows.")


def _figure(name: str, value: Any) -> str:
    if value is None:
        return "-"
    return iso(value) if name.endswith("_at") else f"{value:g}" if isinstance(value, float) else str(value)


def _recording(incident: str, topics: Sequence[Topic]) -> Recording:
    if is_file(incident):
        return recording_in(incident)
    settings = load_settings()
    tell_on_stderr("reading the log …")
    return recording_of(bootstrap_servers(settings), settings, incident, topics=topics)


def _show(verdict: Verdict) -> None:
    stages = ", ".join(f"{name} {count:,}" for name, count in verdict.by_stage.items())
    typer.echo(f"{verdict.incident_id}: {counted(verdict.decisions, 'decision')} made again ({stages or 'none'}).")
    if not verdict.same_code:
        typer.echo("This is not the code that decided then: where it differs, that may be why.")
    if not verdict.same_settings:
        typer.echo(
            "The journal tells of other settings or code than the record names: what differs there is no decision's doing."
        )
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
