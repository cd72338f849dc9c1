"""`python -m bench.detection_page`: detection's speed and memory, measured, and written into docs/detection.md.

The pure stage runs beside river's half-space trees on the same points, in turns; then a worker of its own takes points of
very many series from Kafka, with all that it does for a point: detection, forecasts, fleets, rows and their changelog.
"""

import time
from dataclasses import dataclass
from typing import Annotated

import typer

from bench.figures import ROUNDS, Figure, Progress
from bench.page import PAGE, write
from bench.report import load_now, stamp
from bench.stages import measure_stages
from bench.working import Mark, running_worker
from ops.bench.alerts import send_all
from ops.bench.broker import Broker, running_broker
from ops.bench.detect import bytes_per_series
from ops.bench.points import Scrapes, scraped
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings
from streams.topics import METRICS

MARK = "speed"
DETECTION = PAGE.with_name("detection.md")
_POINTS, _SERIES, _SIGNALS = 40_000, 20, 1_000
# Until an idle worker has loaded all that it needs.
_IDLE_S = 8.0


@dataclass(frozen=True, slots=True)
class Many:
    """What a worker had used when its first series was there (none yet), and when it was done with all."""

    work: Scrapes
    began: Mark
    done: Mark


def page(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of stage and trees, in turns.")] = ROUNDS,
    series: Annotated[int, typer.Option(min=100, help="Series of the worker.")] = 50_000,
    scrapes: Annotated[int, typer.Option(min=2, help="Points of each of them.")] = 20,
) -> None:
    """Measure detection, and write its table into docs/detection.md.

    Example: python -m bench.detection_page --series 5000
    """
    interrupt_on_sigterm()
    before, work = load_now(), Scrapes(series, scrapes)
    stage, _ = measure_stages(_POINTS, _SERIES, _SIGNALS, rounds, tell_on_stderr)
    tell_on_stderr("memory of a series")
    each = bytes_per_series()
    with running_broker(load_settings(), tell_on_stderr) as broker:
        many = measure_many(broker, work, tell_on_stderr)
    where = stamp(before, f"{rounds} rounds in turns, medians; the worker once, Kafka beside it.")
    write(DETECTION, f"{where}\n\n{as_markdown(stage, each, many)}", MARK)


def measure_many(broker: Broker, work: Scrapes, progress: Progress) -> Many:
    """A worker that takes all points of all series, which are there as it starts."""
    progress(f"a worker with {work.series:,} series, {work.points:,} points")
    broker.renew()
    with running_worker(broker, "analysis", METRICS, "idle") as worker:
        time.sleep(_IDLE_S)
        began = worker.mark(0)
    send_all(broker.bootstrap, scraped(work, time.time_ns() // 1_000_000), METRICS.name)
    with running_worker(broker, "analysis", METRICS, "many") as worker:
        return Many(work, began, worker.until(work.points, work.points).marks[-1])


def as_markdown(stage: Figure, series_bytes: dict[int, int], many: Many) -> str:
    """A row a figure."""
    work, done = many.work, many.done
    used = done.cpu_s - many.began.cpu_s
    each = (done.rss_mb - many.began.rss_mb) * 2**20 / work.series
    rows = [
        f"| river's half-space trees, one core | {stage.baseline:,.0f} points a CPU second |",
        f"| **stage `metrics`: all that the product decides of a point** | {stage.product:,.0f} points a CPU second |",
        *(f"| state of a series after {n:,} points | {size:,} bytes |" for n, size in series_bytes.items()),
        f"| a worker with {work.series:,} series, {work.scrapes} points each | {work.points / used:,.0f} points a CPU second |",
        f"| its memory above that of an idle one, by series | {each:,.0f} bytes |",
    ]
    return "\n".join(["| what | measured |", "|---|---:|", *rows])


if __name__ == "__main__":
    typer.run(page)
