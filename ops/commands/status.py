"""`breakwater status`."""

import json

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.options import AsJson
from ops.connection import bootstrap_servers
from ops.errors import NoKafkaError
from ops.settings import load_settings
from ops.status import Health, look
from ops.terminal.words import counted
from streams.errors import BrokerUnreachableError


def status(as_json: AsJson = False) -> None:
    """Is it running, what is behind, what is wrong. Exit code 1 where something is.

    Example: breakwater status --json
    """
    health = _health()
    if as_json:
        typer.echo(json.dumps(health.document()))
    else:
        _show(health)
    if not health.healthy:
        raise typer.Exit(1)


def _health() -> Health:
    try:
        return look(bootstrap_servers(load_settings()))
    except (NoKafkaError, BrokerUnreachableError) as error:
        return Health(healthy=False, checks={"kafka": f"stopped: {error}"})


def _show(health: Health) -> None:
    console = Console()
    for name, text in health.checks.items():
        console.print(f"[{'green' if text.startswith('ok') else 'red'}]{name:24}[/] {text}")
    if not health.topics:
        return
    table = Table("topic", "records", "lag", box=None)
    for name, topic in health.topics.items():
        table.add_row(name, f"{topic.records:,}", f"{topic.lag:,}")
    console.print(table)
    a = health.alerts
    if not a.complete:
        console.print("Of the account only the newest records were read in time; incidents quiet since are not in:")
    console.print(
        f"{counted(a.received, 'alert')} = {a.kept:,} kept + {a.suppressed:,} suppressed ({a.late:,} late) + "
        f"{a.dead_lettered:,} dead"
    )
