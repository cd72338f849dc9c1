"""`up`, `down` and `status` of an embedded server, alike for each; answers go to stdout, progress to stderr."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from ops.commands.options import AsJson
from ops.embedded.server import EmbeddedServer, ServerStatus

Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing.")]


@dataclass(frozen=True, slots=True)
class Wording:
    """How a server is spoken of: its command group, its name to people, and the JSON key of its address."""

    group: str
    product: str
    address_key: str


def embedded_app(wording: Wording, server: Callable[[], EmbeddedServer]) -> typer.Typer:
    """The command group of one server; `server` is called when a command runs, not before."""
    command = f"breakwater {wording.group}"
    app = typer.Typer(help=f"The embedded {wording.product} alone.\n\nExample: {command} up", no_args_is_help=True)

    @app.command(help=f"Start it unless it runs, and say where it answers.\n\nExample: {command} up")
    def up(as_json: AsJson = False) -> None:
        status = server().up()
        typer.echo(as_document(wording, status) if as_json else as_line(wording, status))

    @app.command(help=f"Stop it; its data stays.\n\nExample: {command} down")
    def down(quiet: Quiet = False) -> None:
        was_running = server().down()
        if not quiet:
            typer.echo(f"{wording.product} is stopped." if was_running else f"{wording.product} was not running.")

    @app.command(help=f"Say whether it runs; exit code 1 if not.\n\nExample: {command} status --json")
    def status(as_json: AsJson = False) -> None:
        found = server().status()
        typer.echo(as_document(wording, found) if as_json else as_line(wording, found))
        if not found.running:
            raise typer.Exit(1)

    return app


def as_document(wording: Wording, status: ServerStatus) -> str:
    """`status` as JSON: `running`, the address (null while it does not run), `pid`, `version`."""
    address = status.address if status.running else None
    return json.dumps(
        {"running": status.running, wording.address_key: address, "pid": status.pid, "version": status.version}
    )


def as_line(wording: Wording, status: ServerStatus) -> str:
    """`status` for a person."""
    if not status.running:
        return f"{wording.product} {status.version} is not running; `breakwater {wording.group} up` starts it."
    return f"{wording.product} {status.version} answers on {status.address} (pid {status.pid}, log {status.log})"
