"""The `breakwater` command. Exit codes: 0 done and good, 1 something was found or failed, 2 wrong use.

With `--json` a failure too is one document on standard output: `error`, in words, and `retriable`.
"""

import json
import sys

import typer

from ops.commands import backtest, cassandra, dlq, events, incidents, kafka, produce
from ops.commands.account import account
from ops.commands.bench import bench
from ops.commands.bundle import bundle
from ops.commands.lag import lag
from ops.commands.predictions import predictions
from ops.commands.replay import replay
from ops.commands.rerun import rerun
from ops.commands.running import demo, serve, up, worker
from ops.commands.status import status
from schemas.errors import BreakwaterError

app = typer.Typer(
    name="breakwater",
    help="An autonomous incident commander on Kafka. `breakwater demo` shows all of it in two minutes.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo)
app.command()(up)
app.command()(worker)
app.command()(serve)
app.command()(status)
app.add_typer(kafka.app, name="kafka")
app.add_typer(cassandra.app, name="cassandra")
app.add_typer(produce.app, name="produce")
app.add_typer(dlq.app, name="dlq")
app.add_typer(incidents.app, name="incidents")
app.add_typer(events.app, name="events")
app.add_typer(backtest.app, name="backtest")
app.command()(replay)
app.command()(bundle)
app.command()(rerun)
app.command()(lag)
app.command()(account)
app.command()(predictions)
app.command()(bench)


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
