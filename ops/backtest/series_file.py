"""A metric series as a CSV file: a time and a value a row; other columns, labels above all, are not looked at."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.backtest.errors import UnusableSeriesError

_TIME, _VALUE = "timestamp", "value"
# Epoch seconds of the year 5138 are epoch milliseconds of 1973: larger numbers are milliseconds.
_MILLISECONDS = 1e11


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the time as it was written, in epoch seconds (None where it is no time), and the value (NaN where it is none)."""

    written: str
    at_s: float | None
    value: float


def read_series(path: Path) -> Iterator[Row]:
    """The rows of a file, in order.

    Raises:
        UnusableSeriesError: there is no column `timestamp` or none `value`, in whatever case, or the file is no text.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            time_at, value_at = _columns(path, next(lines, []))
            for cells in lines:
                if cells:
                    written = cells[time_at] if time_at < len(cells) else ""
                    yield Row(written, epoch_s(written), _number(cells[value_at] if value_at < len(cells) else ""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusableSeriesError(path, f"it is no CSV file in UTF-8 ({error}).") from error


def epoch_s(text: str) -> float | None:
    """Epoch seconds of ISO 8601 (UTC where it names no zone) or of a number of seconds or milliseconds; None if neither.

    >>> epoch_s("2018-05-10T01:00:00Z"), epoch_s("1525914000000"), epoch_s("yesterday")
    (1525914000.0, 1525914000.0, None)
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        number = _number(text)
        if not abs(number) < 1e15:  # NaN, too
            return None
        return number / 1000 if abs(number) >= _MILLISECONDS else number
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _columns(path: Path, header: list[str]) -> tuple[int, int]:
    names = [name.strip().lower() for name in header]
    for wanted in (_TIME, _VALUE):
        if wanted not in names:
            raise UnusableSeriesError(
                path, f"it has no column `{wanted}`; its first line is {','.join(header)[:200]!r}."
            )
    return names.index(_TIME), names.index(_VALUE)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
