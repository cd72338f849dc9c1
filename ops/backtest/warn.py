"""Early warnings for files of series: what the prediction of breaches would have said at every value, without Kafka."""

import gzip
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agents.prediction.breach_watch import BreachFleet, SeriesBreaches
from ops.backtest.errors import UnusableSeriesError

_OPENERS: dict[str, Callable[..., IO[str]]] = {".xz": lzma.open, ".gz": gzip.open}


def read_lines(path: Path) -> list[list[float]]:
    """A series a line, values separated by white space; what is no number is NaN.

    Raises:
        UnusableSeriesError: the file cannot be read as text.
    """
    opener = _OPENERS.get(path.suffix, open)
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            return [[_number(cell) for cell in line.split()] for line in file if line.strip()]
    except (UnicodeDecodeError, lzma.LZMAError, EOFError, OSError) as error:
        raise UnusableSeriesError(path, f"it cannot be read as lines of numbers ({error}).") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


@dataclass(slots=True)
class Warned:
    """The warnings of a file, a list a series, and the fleet that gave them."""

    warnings: list[list[bool]]
    fleet: BreachFleet


def warn_all(series: list[list[float]], level: float, horizon: int) -> Warned:
    """Foretell every value of every series, in the order of time: the first of all series, then the second."""
    fleet = BreachFleet(level, horizon)
    memories = [SeriesBreaches() for _ in series]
    warnings: list[list[bool]] = [[] for _ in series]
    for point in range(max(map(len, series), default=0)):
        for values, memory, said in zip(series, memories, warnings, strict=True):
            if point < len(values):
                said.append(fleet.step(memory, values[point]).warned)
    return Warned(warnings, fleet)


def write_warnings(path: Path, warnings: list[list[bool]]) -> None:
    """The shape of the series, 1 where it is warned."""
    with path.open("w", encoding="utf-8") as file:
        for line in warnings:
            file.write(" ".join("1" if warned else "0" for warned in line) + "\n")
