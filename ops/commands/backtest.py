"""`breakwater backtest`: what the agents would have said, over files, without Kafka."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.backtest.detect import Detected, detect_folder
from ops.commands.options import AsJson, tell_on_stderr

app = typer.Typer(
    help="The same decisions that the agents take, over files, without Kafka.\n\n"
    "Example: breakwater backtest detect series scores",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """A group, however many commands it has."""


@app.command()
def detect(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN_DIR", exists=True, file_okay=False, help="A folder of CSV files, one a series."),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT_DIR", file_okay=False, help="Where the scores go.")],
    as_json: AsJson = False,
) -> None:
    """Score every point of every CSV below IN_DIR, each by the points before it, into the same name below OUT_DIR.

    Read: the columns `timestamp` and `value`, in any case; labels and others are ignored. Written, a row for a row: `timestamp`,
    `anomaly_score` (0 to 1, one scale for all series) and `alarm` (1 from the product's own threshold on).

    Example: breakwater backtest detect series scores
    """
    if target.resolve() == source.resolve():
        raise typer.BadParameter("OUT_DIR is IN_DIR: the scores would replace the series.", param_hint="OUT_DIR")
    done = Detected()
    for path, done in detect_folder(source, target):
        if not as_json:
            tell_on_stderr(f"{path.relative_to(source)}: {done.points:,} points so far")
    if as_json:
        typer.echo(json.dumps({**asdict(done), "points_per_s": done.points / max(done.seconds, 1e-9)}))
        return
    rate = done.points / max(done.seconds, 1e-9)
    tell_on_stderr(f"{done.series} series, {done.points:,} points, {done.alarms:,} alarms; {rate:,.0f} points/s.")
