"""Anomaly scores for folders of series: what the metrics stage would have said of every point, without Kafka."""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.detectors.ensemble import SeriesWatch, Verdict
from ops.backtest.errors import UnusableSeriesError
from ops.backtest.series_file import Row, read_series

COLUMNS = ("timestamp", "anomaly_score", "alarm")


@dataclass(frozen=True, slots=True)
class Detected:
    """What a backtest did: files, points, alarms, and the seconds of processor time that the detectors alone took."""

    series: int = 0
    points: int = 0
    alarms: int = 0
    seconds: float = 0.0

    def plus(self, points: int, alarms: int, seconds: float) -> "Detected":
        """The same with one more series."""
        return Detected(self.series + 1, self.points + points, self.alarms + alarms, self.seconds + seconds)


def series_below(folder: Path) -> list[Path]:
    """Every CSV file below a folder, in order.

    Raises:
        UnusableSeriesError: there is none.
    """
    found = sorted(path for path in folder.rglob("*.csv") if path.is_file())
    if not found:
        raise UnusableSeriesError(folder, "there is no CSV file below it.")
    return found


def detect_folder(source: Path, target: Path) -> Iterator[tuple[Path, Detected]]:
    """Score every series below `source` into the same relative name below `target`; yields the sum after each."""
    done = Detected()
    for path in series_below(source):
        rows = list(read_series(path))
        begun = time.process_time()
        verdicts = judge(rows)
        seconds = time.process_time() - begun
        _write(target / path.relative_to(source), rows, verdicts)
        done = done.plus(len(rows), sum(verdict.alarm for verdict in verdicts), seconds)
        yield path, done


def judge(rows: list[Row]) -> list[Verdict]:
    """The verdict of each row, each by the rows before it alone; a row without a time has that of the row before."""
    watch, at_s, found = SeriesWatch(), 0.0, []
    for row in rows:
        at_s = at_s if row.at_s is None else row.at_s
        found.append(watch.judge(row.value, at_s))
    return found


def _write(path: Path, rows: list[Row], verdicts: list[Verdict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for row, verdict in zip(rows, verdicts, strict=True):
            out.writerow((row.written, f"{verdict.score:.9g}", int(verdict.alarm)))
