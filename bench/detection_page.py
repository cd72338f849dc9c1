"""`python -m bench.detection_page`: detection's speed and memory, measured, and written into docs/detection.md.

The pure stage runs beside river's half-space trees on the same points, in turns; then a worker of its own hears of very many
series, scrape after scrape as they come, with all that it does for a point: reading, deciding, rows and their changelog.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
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
from ops.bench.points import FORECAST, PLAIN, Scrapes, scraped
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings
from streams.topics import METRICS

MARK = "speed"
DETECTION = PAGE.with_name("detection.md")
_POINTS, _SERIES, _SIGNALS = 40_000, 20, 1_000
_PLAIN_EVERY_S, _FORECAST_EVERY_S = 10, 15
# Until an idle worker has loaded all that it needs.
_IDLE_S = 8.0


@dataclass(frozen=True, slots=True)
class Many:
    """What a worker had used before the first scrape, and once it was done with all; seconds that the last points waited."""

    work: Scrapes
    began: Mark
    done: Mark
    behind_s: float


def page(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of stage and trees, in turns.")] = ROUNDS,
    series: Annotated[int, typer.Option(min=100, help="Series of the worker.")] = 50_000,
    scrapes: Annotated[int, typer.Option(min=2, help="Points of each of them.")] = 20,
) -> None:
    """Measure detection, and write its table into docs/detection.md.

    Example: python -m bench.detection_page --series 5000
    """
    interrupt_on_sigterm()
    before = load_now()
    works = Scrapes(series, scrapes, _PLAIN_EVERY_S, PLAIN), Scrapes(series, scrapes, _FORECAST_EVERY_S, FORECAST)
    stage, _ = measure_stages(_POINTS, _SERIES, _SIGNALS, rounds, tell_on_stderr)
    tell_on_stderr("memory of a series")
    each = bytes_per_series()
    with running_broker(load_settings(), tell_on_stderr) as broker:
        workers = [measure_many(broker, work, tell_on_stderr) for work in works]
    where = stamp(before, f"{rounds} rounds in turns, medians; each worker once, Kafka beside it.")
    write(DETECTION, f"{where}\n\n{as_markdown(stage, each)}\n\n{workers_as_markdown(workers)}", MARK)


def measure_many(broker: Broker, work: Scrapes, progress: Progress) -> Many:
    """A worker that hears of all series, scrape after scrape."""
    progress(f"a worker with {work.series:,} series of {work.metric}, {work.points:,} points")
    broker.renew()
    end_ms = time.time_ns() // 1_000_000 + work.scrapes * work.every_s * 1000
    points = scraped(work, end_ms)
    with running_worker(broker, "analysis", METRICS, f"many-{work.metric}") as worker:
        time.sleep(_IDLE_S)
        began, begun_s = worker.mark(0), time.monotonic()
        for part in range(1, work.scrapes * work.every_s + 1):
            send_all(broker.bootstrap, islice(points, work.series // work.every_s), METRICS.name)
            time.sleep(max(0.0, begun_s + part - time.monotonic()))
        send_all(broker.bootstrap, points, METRICS.name)
        sent_s = time.monotonic()
        done = worker.until(work.points, work.points).marks[-1]
        return Many(work, began, done, time.monotonic() - sent_s)


def as_markdown(stage: Figure, series_bytes: dict[int, int]) -> str:
    """A row a figure."""
    rows = [
        f"| river's half-space trees, one core | {stage.baseline:,.0f} points a CPU second |",
        f"| **stage `metrics`: all that the product decides of a point** | {stage.product:,.0f} points a CPU second |",
        *(f"| state of a series after {n:,} points | {size:,} bytes |" for n, size in series_bytes.items()),
    ]
    return "\n".join(["| what | measured |", "|---|---:|", *rows])


def workers_as_markdown(workers: Sequence[Many]) -> str:
    """A row a worker: Kafka's client, reading, rows and their changelog included."""
    head = "| a worker of so many series | points of each | of a core | points a CPU second | then behind by | memory a series |"
    return "\n".join([head, "|---|---:|---:|---:|---:|---:|", *map(_row, workers)])


def _row(many: Many) -> str:
    work, used = many.work, many.done.cpu_s - many.began.cpu_s
    lasted_s = many.done.at_s - many.began.at_s
    each = (many.done.rss_mb - many.began.rss_mb) * 2**20 / work.series
    what = "detected and forecast" if work.metric == FORECAST else "detected: the metric has no level"
    return (
        f"| {work.series:,}, {what} | {work.scrapes}, one every {work.every_s} s | {used / lasted_s:.0%} | "
        f"{work.points / used:,.0f} | {many.behind_s:.1f} s | {each:,.0f} bytes |"
    )


if __name__ == "__main__":
    typer.run(page)
