"""`breakwater events`: the event store itself."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.options import AsJson, tell_on_stderr
from ops.connection import bootstrap_servers
from ops.settings import load_settings
from ops.verifying import Verdict, verify_store

app = typer.Typer(help="The event store itself.\n\nExample: breakwater events verify", no_args_is_help=True)


@app.callback()
def events() -> None:
    """A group, although it has one command so far: it can grow without changing `verify`."""


@app.command()
def verify(
    incident: Annotated[str | None, typer.Option(help="Only the incident of this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check every event's hash and every incident's chain. Exit code 1 where something is wrong.

    Example: breakwater events verify --incident inc-0a1b2c3d4e5f6071
    """
    verdict = verify_store(
        bootstrap_servers(load_settings()),
        incident_id=incident,
        progress=lambda count: tell_on_stderr(f"{count:,} events read"),
    )
    if as_json:
        typer.echo(json.dumps(document(verdict)))
    else:
        _show(verdict, incident)
    if not verdict.verified:
        raise typer.Exit(1)


def document(verdict: Verdict) -> dict[str, object]:
    """The verdict as the interface names its keys."""
    return {
        "verified": verdict.verified,
        "incidents": verdict.incidents,
        "events": verdict.events,
        "faults": [asdict(fault) for fault in verdict.faults],
    }


def _show(verdict: Verdict, incident: str | None) -> None:
    read = f"{verdict.events:,} events of {verdict.incidents:,} incidents"
    if verdict.verified and verdict.events == 0:
        typer.echo(f"There are no events{f' of {incident}' if incident else ''}: nothing to verify.")
        return
    if verdict.verified:
        typer.echo(f"{read}: every hash is right and every chain is whole.")
        return
    table = Table("fault", "incident", "version", "partition", "offset", "what it is", box=None)
    for fault in verdict.faults:
        place = (str(fault.version), str(fault.partition), str(fault.offset))
        table.add_row(fault.kind, fault.incident_id, *place, fault.detail)
    Console().print(table)
    count = len(verdict.faults)
    typer.echo(f"{read}: {count:,} {'fault' if count == 1 else 'faults'}. Nothing was changed.")
    typer.echo("To see a record: breakwater replay incident.events --partition PARTITION --from OFFSET --to OFFSET")
