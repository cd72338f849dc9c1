"""`python -m bench.soak`: the edge worker's memory over many alerts of ever new incidents, its longest pause, and how soon it is
back with a million rows; written into docs/benchmarks.md."""

import time
from pathlib import Path
from typing import Annotated

import typer

from bench.page import PAGE, write
from bench.report import load_now, stamp
from bench.working import Course, running_worker
from ops.bench.alerts import send_all
from ops.bench.broker import Broker, running_broker
from ops.bench.churn import Churn, churning_alerts
from ops.commands.options import tell_on_stderr
from ops.ending import interrupt_on_sigterm
from ops.settings import load_settings
from streams.topics import ALERTS

# All of a million incidents are within the lateness that sampling waits for.
_ROWS = Churn(1_000_000, per_incident=1, density_per_s=1_000_000)
_ONE_MORE = Churn(1, per_incident=1)
_STORM = Churn(1_000_000, per_incident=1_000)


def _send(broker: Broker, work: Churn) -> None:
    send_all(broker.bootstrap, churning_alerts(work, time.time_ns() // 1_000_000))


def soaked(broker: Broker, work: Churn, every: int) -> Course:
    """All alerts are there at once: a fresh worker works through them."""
    broker.renew()
    _send(broker, work)
    with running_worker(broker, "edge", ALERTS, "soak") as worker:
        return worker.until(work.alerts, every)


def back_after_s(broker: Broker, rows: Churn) -> float:
    """Seconds from the start of a worker that finds so many rows to its first commit; rows were made by one before it."""
    broker.renew()
    _send(broker, rows)
    with running_worker(broker, "edge", ALERTS, "rows") as worker:
        worker.until(rows.alerts, rows.alerts)
    _send(broker, _ONE_MORE)
    with running_worker(broker, "edge", ALERTS, "again") as worker:
        return worker.until(rows.alerts + 1, rows.alerts).marks[-1].at_s


def as_markdown(work: Churn, course: Course) -> str:
    """The curve as a table, and the longest pause."""
    lines = [
        "| million alerts | incidents seen | RSS MiB | alerts/CPU-s since the line above |",
        "|---:|---:|---:|---:|",
    ]
    for before, mark in zip(course.marks, course.marks[1:], strict=False):
        speed = (mark.done - before.done) / max(mark.cpu_s - before.cpu_s, 1e-9)
        seen = min(mark.done // work.per_incident, work.incidents)
        lines.append(f"| {mark.done / 1e6:.1f} | {seen:,} | {mark.rss_mb:,.0f} | {speed:,.0f} |")
    lines.append("")
    lines.append(f"The longest pause of the event loop was {course.longest_pause_s * 1000:.0f} ms.")
    return "\n".join(lines)


def storm_line(work: Churn, course: Course) -> str:
    """What a storm that is there at once does to the event loop."""
    done, pause_ms = course.marks[-1], course.longest_pause_s * 1000
    return (
        f"{work.alerts:,} alerts of {work.incidents:,} incidents, there at once, are done with {done.at_s:.1f} s after the "
        f"worker's start, at {done.rss_mb:,.0f} MiB; the longest pause of its event loop was {pause_ms:.0f} ms."
    )


def soak(
    alerts: Annotated[int, typer.Option(min=100_000, help="Alerts on the topic, 20 of an incident.")] = 20_000_000,
    every: Annotated[int, typer.Option(min=50_000, help="Alerts from line to line of the curve.")] = 1_000_000,
    rows: Annotated[int, typer.Option(min=1_000, help="Rows that a worker finds.")] = _ROWS.alerts,
    page: Annotated[Path, typer.Option(help="The page whose marks `soak` are written between.")] = PAGE,
) -> None:
    """Measure what sampling needs for long storms, and write it into docs/benchmarks.md. Some eight minutes, 6 GB of disk.

    Example: python -m bench.soak --alerts 2000000 --every 500000
    """
    interrupt_on_sigterm()
    work, found = Churn(alerts), Churn(rows, per_incident=1, density_per_s=max(rows, 1))
    before = load_now()
    with running_broker(load_settings(), tell_on_stderr) as broker:
        tell_on_stderr(f"soak: a storm of {_STORM.alerts:,} alerts of {_STORM.incidents:,} incidents")
        storm = soaked(broker, _STORM, _STORM.alerts)
        write(page, f"{stamp(before, 'one run.')}\n\n{storm_line(_STORM, storm)}", "storm")
        before = load_now()
        tell_on_stderr(f"soak: {alerts:,} alerts of {work.incidents:,} incidents")
        course = soaked(broker, work, every)
        # Written at once: what comes next may fail on a machine that is busy.
        write(page, f"{stamp(before, 'one run.')}\n\n{as_markdown(work, course)}", "soak")
        tell_on_stderr(f"soak: a worker that finds {rows:,} rows")
        before = load_now()
        back_s = back_after_s(broker, found)
    said = f"A worker that is started on {rows:,} rows has committed its first alert after {back_s:.1f} s."
    write(page, f"{stamp(before, 'one run.')}\n\n{said}", "rows")


if __name__ == "__main__":
    typer.run(soak)
