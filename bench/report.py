"""Figures for people and for programs."""

import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.figures import Figure

_STEPS = 5_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the figures were taken. Loads are one-minute averages of processes that want a processor, before and after."""

    processors: int
    python: str
    load_before: float
    load_after: float


def machine(load_before: float) -> Machine:
    """This machine, now."""
    return Machine(os.cpu_count() or 1, platform.python_version(), load_before, load_now())


def load_now() -> float:
    """The one-minute load average."""
    return os.getloadavg()[0]


def stamp(load_before: float, more: str) -> str:
    """When and where figures of a page were taken, in a line."""
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({processor()}), load average {load_before:.1f} before and "
        f"{load_now():.1f} after; {more}"
    )


def processor() -> str:
    """What the processor calls itself, and its million steps a second of a plain loop: clouds name many kinds alike."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    begin = time.process_time()
    for _ in range(_STEPS):
        pass
    return f"{found[1] if found else platform.machine()}, {_STEPS / 1e6 / (time.process_time() - begin):.0f} M steps/s"


def document(figures: Sequence[Figure], where: Machine, seconds: float) -> dict[str, Any]:
    """All of it as JSON holds it."""
    return {
        "machine": {
            "processors": where.processors,
            "python": where.python,
            "load_before": where.load_before,
            "load_after": where.load_after,
        },
        "seconds": round(seconds, 1),
        "figures": [figure.document() for figure in figures],
    }


def table(figures: Sequence[Figure], where: Machine) -> Table:
    """All of it for a person."""
    caption = (
        f"{where.processors} processors, Python {where.python}, load {where.load_before:.1f} before and "
        f"{where.load_after:.1f} after. Ratio: product / baseline, the median of the rounds' ratios (least to greatest)."
    )
    made = Table(box=None, pad_edge=False, header_style="bold", caption=caption, caption_justify="left")
    made.add_column("what", overflow="fold")
    made.add_column("baseline", justify="right", no_wrap=True)
    made.add_column("product", justify="right", no_wrap=True)
    made.add_column("ratio", justify="right", no_wrap=True)
    made.add_column("", no_wrap=True)
    made.add_column("against", overflow="fold")
    for figure in figures:
        better = " (less is better)" if figure.less_is_better else ""
        made.add_row(
            f"{figure.group}: {figure.name}, {figure.unit}{better}",
            number(figure.baseline),
            number(figure.product),
            f"{figure.ratio:.2f}",
            f"({min(figure.ratios):.2f} to {max(figure.ratios):.2f})",
            figure.against + (f"; {figure.note}" if figure.note else ""),
        )
    return made


def number(value: float) -> str:
    """A number to three digits or so.

    >>> number(123456.7), number(42.25), number(3.14159)
    ('123,000', '42.2', '3.14')
    """
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
