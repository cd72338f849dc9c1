"""The `breakwater` command. Exit codes: 0 done and good, 1 something was found or failed, 2 wrong use.

With `--json` a failure too is one document on standard output: `error`, in words, and `retriable`.
"""

import json
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from ops.on_demand import Place, on_demand
from schemas.errors import BreakwaterError

COMMANDS = {
    "demo": Place(
        "ops.commands.running",
        "demo",
        "Everything from nothing: Kafka, workers, a real failing service, a storm of alerts around it, until it is resolved.",
    ),
    "up": Place("ops.commands.running", "up", "Kafka, workers, intake, API and page in the foreground, until Ctrl-C."),
    "worker": Place("ops.commands.running", "worker", "One worker, until Ctrl-C."),
    "serve": Place("ops.commands.running", "serve", "The HTTP intake and the API, until Ctrl-C."),
    "status": Place("ops.commands.status", "status", "Is it running, what is behind, what is wrong."),
    "replay": Place(
        "ops.commands.replay",
        "replay",
        "Print any range of any topic, a JSON line a record, or copy it to another topic.",
    ),
    "bundle": Place(
        "ops.commands.bundle",
        "bundle",
        "Write an incident to one file: its records of every topic, schemas, offsets, settings, hashes (docs/replay.md).",
    ),
    "rerun": Place(
        "ops.commands.rerun",
        "rerun",
        "Make an incident's decisions again, sealed off from the world, and compare each with the record.",
    ),
    "lag": Place(
        "ops.commands.lag",
        "lag",
        "How far each consumer group of the cluster is behind: records, seconds, speed, time to close, incidents behind it.",
    ),
    "account": Place(
        "ops.commands.account",
        "account",
        "Count the raw topic anew and compare it with the account; exit code 1 where they differ.",
    ),
    "predictions": Place(
        "ops.commands.predictions",
        "predictions",
        "Count the predictions of breaches by model: hits, false ones, breaches that were missed, and the Brier score.",
    ),
    "bench": Place(
        "ops.commands.bench",
        "bench",
        "Measure one part of the program, without a baseline; `make bench` sets others beside it.",
    ),
    "kafka": Place("ops.commands.kafka", "app", "The embedded Apache Kafka alone."),
    "cassandra": Place("ops.commands.cassandra", "app", "The embedded Apache Cassandra alone."),
    "produce": Place("ops.commands.produce", "app", "Put alerts in: from files, or a generated storm."),
    "dlq": Place("ops.commands.dlq", "app", "Dead letters: what could not be taken, why, and putting it back."),
    "incidents": Place(
        "ops.commands.incidents", "app", "Incidents: lists, one of them, its story, its state at a past instant."
    ),
    "events": Place("ops.commands.events", "app", "The event store itself."),
    "backtest": Place(
        "ops.commands.backtest", "app", "The same decisions that the agents take, over files, without Kafka."
    ),
}

app = typer.Typer(
    name="breakwater",
    cls=on_demand(COMMANDS),
    help="An autonomous incident commander on Kafka. `breakwater demo` shows all of it in two minutes.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"breakwater {version('breakwater')}")
        raise typer.Exit


@app.callback()
def _all_commands(
    asked: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Typer wants a command or this; it is replaced by the help above."""


def main() -> None:
    """Run the command line; errors that a person or a program can act on are one message, not a traceback."""
    try:
        app()
    except BreakwaterError as error:
        typer.echo(f"breakwater: {error}", err=True)
        if "--json" in sys.argv[1:]:
            typer.echo(json.dumps({"error": str(error), "retriable": error.retriable}))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
