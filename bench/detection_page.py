"""`python -m bench.detection_page`: detection's speed and memory, measured, and written into docs/detection.md.

The pure stage runs beside river's half-space trees on the same points, in turns; then a worker of its own hears of very many
series, scrape after scrape as they come, with all that it does for a point: reading, deciding, rows and their changelog.
"""

import time
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
    """What a worker had used before the first scrape, and once it was done with all; seconds that the last points waited."""

    work: Scrapes
    began: Mark
    done: Mark
    behind_s: float


def page(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of stage and trees, in turns.")] = ROUNDS,
    series: Annotated[int, typer.Option(min=100, help="Series of the worker.")] = 50_000,
    scrapes: Annotated[int, typer.Option(min=2, help="Points of each of them, ten seconds apart.")] = 8,
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
    """A worker that hears of all series every ten seconds."""
    progress(f"a worker with {work.series:,} series, {work.points:,} points")
    broker.renew()
    end_ms = time.time_ns() // 1_000_000 + work.scrapes * work.every_s * 1000
    points = scraped(work, end_ms)
    with running_worker(broker, "analysis", METRICS, "many") as worker:
        time.sleep(_IDLE_S)
        began, begun_s = worker.mark(0), time.monotonic()
        for part in range(1, work.scrapes * work.every_s + 1):
            send_all(broker.bootstrap, islice(points, work.series // work.every_s), METRICS.name)
            time.sleep(max(0.0, begun_s + part - time.monotonic()))
        send_all(broker.bootstrap, points, METRICS.name)
        sent_s = time.monotonic()
        done = worker.until(work.points, work.points).marks[-1]
        return Many(work, began, done, time.monotonic() - sent_s)


def as_markdown(stage: Figure, series_bytes: dict[int, int], many: Many) -> str:
    """A row a figure."""
    work, done = many.work, many.done
    used, lasted_s = done.cpu_s - many.began.cpu_s, done.at_s - many.began.at_s
    each = (done.rss_mb - many.began.rss_mb) * 2**20 / work.series
    rows = [
        f"| river's half-space trees, one core | {stage.baseline:,.0f} points a CPU second |",
        f"| **stage `metrics`: all that the product decides of a point** | {stage.product:,.0f} points a CPU second |",
        *(f"| state of a series after {n:,} points | {size:,} bytes |" for n, size in series_bytes.items()),
        f"| a worker with {work.series:,} series, a point each every {work.every_s} s | {used / lasted_s:.0%} of a core |",
        f"| all that it does for a point, Kafka's client and rows included | {work.points / used:,.0f} points a CPU second |",
        f"| after the last point it was done within | {many.behind_s:.1f} s |",
        f"| its memory above that of an idle one, by series | {each:,.0f} bytes |",
    ]
    return "\n".join(["| what | measured |", "|---|---:|", *rows])


if __name__ == "__main__":
    typer.run(page)
