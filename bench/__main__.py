"""`python -m bench`: all of it or parts, as a table or as JSON; progress goes to standard error."""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.api import measure_api
from bench.append import SIZES, BatchSize, measure_append
from bench.figures import ROUNDS, Figure, Progress
from bench.intake import measure_intake
from bench.paint import measure_paint
from bench.projection import measure_projection
from bench.report import document, load_now, machine, table
from bench.sampling import measure_sampling
from bench.stages import measure_stages
from ops.bench.alerts import Workload
from ops.bench.broker import Broker, running_broker
from ops.commands.options import AsJson, tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import Settings, load_settings
from schemas.errors import BreakwaterError


class Part(StrEnum):
    """What can be measured alone."""

    SAMPLING = "sampling"
    APPEND = "append"
    STAGES = "stages"
    PROJECTION = "projection"
    INTAKE = "intake"
    API = "api"
    PAINT = "paint"


NEEDS_KAFKA = frozenset({Part.SAMPLING, Part.APPEND, Part.INTAKE, Part.API, Part.PAINT})


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    rounds: int = ROUNDS
    work: Workload = field(default_factory=Workload)
    sizes: tuple[BatchSize, ...] = SIZES
    points: int = 20_000
    series: int = 20
    signals: int = 10_000
    events: int = 20_000
    batch: int = 500
    sent: int = 300_000
    http_s: float = 4.0
    api_s: float = 30.0
    steady_s: int = 6


QUICK = Plan(
    rounds=1,
    work=Workload(alerts=100_000),
    sizes=tuple(replace(size, batches=max(2, size.batches // 5)) for size in SIZES),
    points=6_000,
    series=6,
    signals=3_000,
    events=5_000,
    sent=50_000,
    http_s=0.5,
    api_s=5.0,
    steady_s=1,
)


def run(parts: Sequence[Part], plan: Plan, settings: Settings, progress: Progress) -> list[Figure]:
    """Measure parts, one after the other, those without Kafka first: nothing runs beside them."""
    figures: list[Figure] = []
    if Part.STAGES in parts:
        figures += measure_stages(plan.points, plan.series, plan.signals, plan.rounds, progress)
    if Part.PROJECTION in parts:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="bench-", dir=settings.home) as folder:
            figures += measure_projection(Path(folder), plan.events, plan.batch, plan.rounds, progress)
    with ExitStack() as stack:
        if NEEDS_KAFKA & set(parts):
            broker: Broker = stack.enter_context(running_broker(settings, progress))
            if Part.APPEND in parts:
                figures += measure_append(broker, plan.sizes, plan.rounds, plan.steady_s, progress)
            if Part.INTAKE in parts:
                figures += measure_intake(broker, plan.sent, plan.http_s, plan.rounds, progress)
            if Part.API in parts:
                figures += measure_api(broker, plan.api_s, plan.rounds, progress)
            if Part.PAINT in parts:
                figures += measure_paint(broker, progress)
            if Part.SAMPLING in parts:
                figures += measure_sampling(broker, plan.work, plan.rounds, progress)
    return figures


def bench(
    only: Annotated[list[Part] | None, typer.Option(help="Measure this alone; may be given several times.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One small round: shows that it runs, tells little.")] = False,
    alerts: Annotated[int | None, typer.Option(min=20_000, help="Alerts on the topic of sampling.")] = None,
    density: Annotated[int | None, typer.Option(min=1_000, help="Alerts in a second of event time.")] = None,
    as_json: AsJson = False,
) -> None:
    """What Breakwater does a second, beside a baseline, in turns, on a Kafka of its own.

    Example: python -m bench --only sampling --alerts 1000000
    """
    interrupt_on_sigterm()
    plan = QUICK if quick else Plan()
    chosen = {k: v for k, v in (("alerts", alerts), ("density_per_s", density)) if v is not None}
    plan = replace(plan, work=replace(plan.work, **chosen))
    load_before, began = load_now(), time.monotonic()
    try:
        figures = run(only or list(Part), plan, load_settings(), tell_on_stderr)
    except BreakwaterError as error:
        tell_on_stderr(f"bench: {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        tell_on_stderr("bench: interrupted; what it started is stopped, and nothing is told.")
        raise typer.Exit(130) from error
    where = machine(load_before)
    if as_json:
        json.dump(document(figures, where, time.monotonic() - began), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(table(figures, where))


if __name__ == "__main__":
    typer.run(bench)
