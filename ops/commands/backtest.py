"""`breakwater backtest`: what the agents would have said, over files, without Kafka."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.backtest.errors import UnusableSeriesError
from ops.commands.options import AsJson, tell_on_stderr
from ops.intake.errors import UnusableInputError
from ops.intake.rows import RowMapping
from schemas.errors import InvalidInputError

app = typer.Typer(
    help="The same decisions that the agents take, over files, without Kafka.\n\n"
    "Example: breakwater backtest detect series scores",
    no_args_is_help=True,
)


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
    from ops.backtest.detect import Detected, detect_folder  # noqa: PLC0415 - needed here alone

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


@app.command()
def warn(
    series: Annotated[
        Path, typer.Argument(metavar="SERIES", exists=True, dir_okay=False, help="A series a line; also .xz and .gz.")
    ],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, metavar="FILE", help="Where the warnings go.")],
    level: Annotated[float, typer.Option(min=1e-9, metavar="X", help="A value from which on is a breach.")] = 80.0,
    horizon: Annotated[int, typer.Option(min=1, max=1000, metavar="STEPS", help="How many values ahead to look.")] = 6,
    as_json: AsJson = False,
) -> None:
    """Foretell breaches: for each value 0 or 1, whether to warn of a value of at least --level within --horizon steps.

    The first values of all series are foretold, then the second, and so on: nothing is known at the start, and what became of the
    earlier ones teaches. The defaults are a CPU at 80 % within half an hour of five-minute values.

    Example: breakwater backtest warn cpu.txt.xz --out warnings.txt
    """
    from ops.backtest.warn import read_lines, warn_all, write_warnings  # noqa: PLC0415

    lines = read_lines(series)
    done = warn_all(lines, level, horizon)
    write_warnings(out, done.warnings)
    found = {
        "series": len(lines),
        "points": sum(map(len, lines)),
        "warned": sum(map(sum, done.warnings)),
        "verified": done.fleet.calibration.verified,
        "expected_calibration_error": round(done.fleet.calibration.expected_error, 6),
        "brier_score": round(done.fleet.calibration.brier, 6),
        "warns_from": done.fleet.warning.level,
    }
    if as_json:
        typer.echo(json.dumps(found))
        return
    tell_on_stderr(
        f"{found['series']:,} series, {found['points']:,} values, {found['warned']:,} warned of. Verified "
        f"{found['verified']:,} probabilities: expected calibration error {found['expected_calibration_error']:.4f}, "
        f"Brier score {found['brier_score']:.4f}. At the end it warned from a probability of {found['warns_from']:g}."
    )


@app.command()
def alerts(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV or JSON lines; also .xz and .gz.")
    ],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, metavar="INCIDENTS", help="Where the incidents go.")],
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Which column is which field of an alert; may be repeated."),
    ] = None,
    tenant: Annotated[str, typer.Option(metavar="T", help="The tenant of alerts that name none.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Say of what a person would have been told, out of a file of alerts: a row an incident, as CSV.

    Alerts are heard in the order of their times. Read: a time, a service (or host), a name, and where there are columns of these
    names or of --map severity, status, tenant and environment; labels and others are ignored. Written: `opened_at` (epoch s),
    `incident_id`, `title`, `severity`, `rows` (its alerts by row number, 0 the first, as in `4 7-19`). Exit code 1 if there were
    rows that are no alerts.

    Example: breakwater backtest alerts fox.csv.xz --out incidents.csv --map service=host --map occurred_at=time
    """
    from ops.backtest.alerts import told_of, write_told  # noqa: PLC0415
    from ops.backtest.alerts_file import read_alerts  # noqa: PLC0415

    try:
        mapping = RowMapping.parse(map_ or [], "", tenant)
    except InvalidInputError as error:
        raise typer.BadParameter(str(error), param_hint="--map") from error
    begun = time.perf_counter()
    try:
        found = read_alerts(str(file), mapping)
    except (UnusableSeriesError, UnusableInputError) as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from error
    told = told_of(found)
    try:
        write_told(out, told)
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}.", param_hint="--out") from error
    seconds = time.perf_counter() - begun
    if as_json:
        counts = {
            "alerts": len(found),
            "rejected": found.rejected,
            "incidents": len(told),
            "seconds": round(seconds, 3),
        }
        typer.echo(json.dumps(counts))
    else:
        tell_on_stderr(
            f"{len(found):,} alerts, {found.rejected:,} rows that are none: {len(told)} incidents; {seconds:.1f} s."
        )
    raise typer.Exit(1 if found.rejected else 0)
