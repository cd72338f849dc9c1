"""What a person would have been told of, out of a file of alerts: the decisions of `agents.grouping`, without Kafka.

As in the stream, of many alerts in a second those are heard that tell something; the others belong where their time does.
"""

import csv
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from agents.grouping.group import Group
from agents.grouping.telling_counts import TellingCount
from agents.grouping.titles import title_of
from agents.grouping.watch import AlertWatch, Heard
from ops.backtest.alerts_file import FileOfAlerts
from schemas.records.vocabulary import Severity

COLUMNS = ("opened_at", "incident_id", "title", "severity", "rows")


@dataclass(slots=True)
class Told:
    """One incident that a person would have been told of, and the numbers of its rows (0 is the first row of data)."""

    group: Group
    severity: Severity
    rows: "array[int]" = field(default_factory=lambda: array("q"))

    def holds(self, row: int, severity: Severity) -> None:
        """One more alert of the incident."""
        self.rows.append(row)
        self.severity = max(self.severity, severity, key=lambda s: s.rank)


def told_of(file: FileOfAlerts) -> list[Told]:
    """The incidents of a file, in the order of their opening; alerts are heard in the order of their times."""
    watches: dict[tuple[str, str], AlertWatch] = {}
    counts: dict[tuple[str, str, str, str], TellingCount] = {}
    told: dict[str, Told] = {}
    for row in file.in_order():
        alert = file.alert(row)
        if not alert.fires:
            continue
        place = (alert.tenant, alert.environment)
        watch = watches.get(place)
        if watch is None:
            watch = watches[place] = AlertWatch("/".join(place))
        at, pair = file.times[row], (*place, alert.service, alert.name)
        count = counts.setdefault(pair, TellingCount()).heard(at, alert.severity.rank)
        groups = watch.holding(at)
        if count is not None:
            judged = watch.hear(Heard(alert.service, alert.name, at, alert.severity, count))
            groups = judged.groups
            if judged.opened is not None:
                told[judged.opened.group_id] = Told(judged.opened, alert.severity)
        for group in groups:
            told[group.group_id].holds(file.numbers[row], alert.severity)
    return list(told.values())


def write_told(path: Path, told: Iterable[Told]) -> None:
    """A row an incident, as `COLUMNS` says; `opened_at` in epoch seconds.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for one in told:
            opened = f"{one.group.opened_at / 1000:.3f}".rstrip("0").rstrip(".")
            rows = " ".join(_ranges(sorted(one.rows)))
            out.writerow((opened, one.group.group_id, title_of(one.group), one.severity, rows))


def _ranges(rows: list[int]) -> Iterator[str]:
    """Row numbers, those that follow each other as one range.

    >>> list(_ranges([4, 7, 8, 9]))
    ['4', '7-9']
    """
    if not rows:
        return
    ends = [i for i, (one, other) in enumerate(pairwise(rows)) if other > one + 1]
    for first, last in zip([0, *(i + 1 for i in ends)], [*ends, len(rows) - 1], strict=True):
        yield str(rows[first]) if first == last else f"{rows[first]}-{rows[last]}"
