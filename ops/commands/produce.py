"""`breakwater produce`: alerts from files, or a generated storm, handed to Kafka as fast as it takes them."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ops.commands.options import AsJson
from ops.connection import bootstrap_servers
from ops.intake.errors import UnusableInputError
from ops.intake.files import STDIN, InputFile, open_input
from ops.intake.pace import Pace
from ops.intake.rows import RowMapping
from ops.intake.sending import FileSender, Sent
from ops.settings import Settings, load_settings
from ops.sparing import told_sparingly
from ops.storm.alerts import Storm, storm_alerts
from ops.storm.sending import send_storm
from ops.storm.shapes import Shape, due_at
from ops.terminal.words import counted
from schemas.codec import Codec
from schemas.errors import InvalidInputError
from schemas.records.intake import Alert
from state.clock import wall_clock_ms
from streams.forwarding import Forwarder
from streams.registry import CodecFactory
from streams.telemetry import TelemetryProducer
from streams.topics import ALERTS, create_topics, partition_counts

app = typer.Typer(
    help="Put alerts in: from files, or a generated storm.\n\nExample: breakwater produce storm --alerts 100000",
    no_args_is_help=True,
)

Rate = Annotated[
    float | None, typer.Option(min=0.001, metavar="N", help="Alerts a second; as fast as possible without.")
]
Tenant = Annotated[str, typer.Option(metavar="T", help="The tenant of alerts that name none.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Which column is which field of an alert; may be repeated."),
]
Labels = Annotated[str, typer.Option(metavar="A,B", help="Columns that go along as labels.")]
Files = Annotated[list[str], typer.Argument(metavar="FILE…", help="JSON lines or CSV, also .xz and .gz; - is stdin.")]

Report = Callable[[int, int, int], None]


@app.command()
def alerts(
    files: Files,
    rate: Rate = None,
    map_: Map = None,
    labels: Labels = "",
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Send the alerts of files. Rows that are no alerts go to the dead letters; exit code 1 if there were any.

    Example: breakwater produce alerts fox.csv.xz --map service=host --map occurred_at=time --map source=ip
    """
    try:
        mapping = RowMapping.parse(map_ or [], labels, tenant)
        sizes = [0 if name == STDIN else Path(name).stat().st_size for name in files]
    except InvalidInputError as error:
        raise typer.BadParameter(str(error), param_hint="--map") from error
    except OSError as error:
        raise typer.BadParameter(f"{error.filename} cannot be read: {error.strerror}.", param_hint="FILE") from error
    settings = load_settings()
    begun = time.monotonic()
    with _producing(settings) as (producer, codecs), _progress(sizes[0] if len(files) == 1 else 0, "bytes") as report:
        sender = FileSender(producer, codecs(ALERTS), mapping, settings.max_alert_bytes, Pace(rate), _reporting(report))
        for name in files:
            _send(sender, name)
        producer.flush()
    _tell(sender.counts, time.monotonic() - begun, as_json)


@app.command()
def storm(
    alerts: Annotated[int, typer.Option(min=1, help="How many alerts.")] = 100_000,
    incidents: Annotated[int, typer.Option(min=1, max=100_000, help="Over how many incidents.")] = 50,
    rate: Rate = None,
    seed: Annotated[int, typer.Option(help="Which storm: the same seed sends the same alerts.")] = 0,
    shape: Annotated[
        Shape, typer.Option(help="Who is loud, how the rate goes, whether conditions come back.")
    ] = Shape.ZIPF,
    tenant: Tenant = "default",
    as_json: AsJson = False,
) -> None:
    """Send a generated storm. The shapes ramp, square and bursts need a rate to vary.

    Example: breakwater produce storm --alerts 100000 --incidents 50 --seed 7 --shape bursts --rate 5000
    """
    settings = load_settings()
    bootstrap = bootstrap_servers(settings)
    create_topics(bootstrap, settings.partitions, settings.replication)
    partitions = partition_counts(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}), bootstrap)[ALERTS.name]
    begun = time.monotonic()
    stride, chosen = _stride(rate), Storm(alerts, incidents, seed, tenant, shape=shape)
    generated = storm_alerts(chosen, _codec(settings), wall_clock_ms, every=min(stride, 1_000))
    with _progress(alerts, "alerts") as report:

        def wait_s(sent: int) -> float:
            report(sent, 0, sent)
            due_s = 0.0 if rate is None else due_at(shape, sent / alerts) * alerts / rate
            return max(0.0, begun + due_s - time.monotonic())

        with told_sparingly(bootstrap, lambda line: typer.echo(line, err=True)):
            counts = Sent(asyncio.run(_storm(bootstrap, partitions, generated, wait_s, stride)))
    _tell(counts, time.monotonic() - begun, as_json)


def _stride(rate: float | None) -> int:
    """How many alerts go between two looks at the clock: without a rate many, else a fiftieth of a second's."""
    return 20_000 if rate is None else max(1, min(20_000, int(rate / 50)))


def _codec(settings: Settings) -> Codec[Alert]:
    codec: Codec[Alert] = CodecFactory(settings.schema_registry_url)(ALERTS)
    return codec


async def _storm(
    bootstrap: str, partitions: int, alerts: Iterator[tuple[bytes, bytes]], wait_s: Callable[[int], float], stride: int
) -> int:
    forwarder = Forwarder(bootstrap, "breakwater-produce")
    try:
        return await send_storm(forwarder, ALERTS.name, partitions, alerts, wait_s, stride)
    finally:
        await forwarder.close()


@contextmanager
def _producing(settings: Settings) -> Iterator[tuple[TelemetryProducer, CodecFactory]]:
    bootstrap = bootstrap_servers(settings)
    # Where a broker makes topics by itself it would make this one with another number of partitions than the rest.
    create_topics(bootstrap, settings.partitions, settings.replication)
    codecs = CodecFactory(settings.schema_registry_url)
    with TelemetryProducer(bootstrap, client_id="breakwater-produce", codec_for=codecs) as producer:
        yield producer, codecs


def _send(sender: FileSender, name: str) -> None:
    try:
        with open_input(name) as file:
            sender.send(file)
    except UnusableInputError as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from error


@contextmanager
def _progress(total: int, unit: str) -> Iterator[Report]:
    """A progress bar on standard error, where that is a terminal; told sent, rejected and how far of `total` it is."""
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(unit, total=total or None)

        def report(sent: int, rejected: int, done: int) -> None:
            told = f"{sent:,} sent" + (f", {rejected:,} rejected" if rejected else "")
            bar.update(task, completed=done, description=told)

        yield report


def _reporting(report: Report) -> Callable[[Sent, InputFile], None]:
    def told(counts: Sent, file: InputFile) -> None:
        report(counts.sent, counts.rejected, file.position())

    return told


def _tell(counts: Sent, seconds: float, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"sent": counts.sent, "rejected": counts.rejected, "seconds": round(seconds, 3)}))
    else:
        typer.echo(f"{counted(counts.sent, 'alert')} sent, {counts.rejected:,} rejected, in {seconds:.1f} s")
    if counts.rejected:
        if not as_json:
            typer.echo("`breakwater dlq list` shows what was rejected and why.", err=True)
        raise typer.Exit(1)
