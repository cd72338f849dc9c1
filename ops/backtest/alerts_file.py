"""A file of alerts for a backtest: of each row when, where, what and how bad; all else, labels above all, is not looked at."""

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ops.backtest.errors import UnusableSeriesError
from ops.intake import values
from ops.intake.files import InputFile, csv_rows, json_lines, open_input
from ops.intake.rows import RowMapping
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import AlertStatus, Severity

# Columns that name a service where no column is called so and none is mapped, best first.
_SERVICES = ("host", "hostname", "instance", "node", "server")
_ASKED = ("service", "name", "occurred_at", "severity", "status", "tenant", "environment")
_LONGEST = 200

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AlertKind:
    """What many rows have in common."""

    tenant: str
    environment: str
    service: str
    name: str
    severity: Severity
    fires: bool


class FileOfAlerts:
    """The alerts of a file: `numbers` are their rows' numbers, `times` epoch ms; `rejected` counts rows that are no alerts."""

    def __init__(self, tenant: str) -> None:
        self.numbers = array("q")
        self.times = array("q")
        self.rejected = 0
        self._tenant = tenant
        self._kinds: list[AlertKind] = []
        self._of: dict[tuple[str, ...], int] = {}
        self._kind_of = array("l")

    def __len__(self) -> int:
        return len(self.numbers)

    def alert(self, row: int) -> AlertKind:
        """What the alert at an index is."""
        return self._kinds[self._kind_of[row]]

    def in_order(self) -> list[int]:
        """Indexes by time; of one time, as they stand in the file."""
        return sorted(range(len(self)), key=self.times.__getitem__)

    def add(self, number: int, fields: Fields) -> None:
        """Take row `number` in; one without a time, a service or a name is rejected."""
        said = tuple(str(fields.get(name)) for name in _ASKED if name != "occurred_at")
        try:
            at = values.time_ms(fields.get("occurred_at"))
            kind = self._of.get(said)
            if kind is None:
                self._kinds.append(_kind(fields, self._tenant))
                kind = self._of[said] = len(self._kinds) - 1
        except InvalidInputError:
            self.rejected += 1
            return
        self.numbers.append(number)
        self.times.append(at)
        self._kind_of.append(kind)


def read_alerts(name: str, mapping: RowMapping) -> FileOfAlerts:
    """The alerts of a CSV or JSON lines file, plain or compressed.

    Raises:
        UnusableInputError: it cannot be read.
        UnusableSeriesError: a column that is needed or was named is not there.
    """
    found = FileOfAlerts(mapping.tenant)
    with open_input(name) as file:
        for number, fields in enumerate(_csv(file, mapping) if file.kind == "csv" else _jsonl(file, mapping)):
            if fields is None:
                found.rejected += 1
            else:
                found.add(number, fields)
    return found


def _csv(file: InputFile, mapping: RowMapping) -> Iterator[Fields | None]:
    lines = csv_rows(file)
    _, header = next(lines, (b"", []))
    if isinstance(header, InvalidInputError):
        raise UnusableSeriesError(file.name, str(header))
    columns = _columns(file.name, header, mapping)
    places = {name: header.index(column) for name, column in columns.items() if name in _ASKED}
    names, most = tuple(places), max(places.values())
    take = itemgetter(*places.values())
    for _, cells in lines:
        if isinstance(cells, InvalidInputError) or len(cells) <= most:
            yield None
        else:
            yield dict(zip(names, take(cells), strict=True))


def _jsonl(file: InputFile, mapping: RowMapping) -> Iterator[Fields | None]:
    for line in json_lines(file):
        try:
            item = json.loads(line)
        except ValueError:
            item = None
        if not isinstance(item, dict):
            yield None
            continue
        try:
            columns = _columns(file.name, list(item), mapping)
        except UnusableSeriesError:
            yield None
            continue
        yield {name: item[column] for name, column in columns.items() if name in _ASKED}


def _columns(name: str, there: list[str], mapping: RowMapping) -> dict[str, str]:
    try:
        columns = mapping.columns(there)
    except InvalidInputError as error:
        raise UnusableSeriesError(name, str(error)) from error
    if "service" not in columns:
        found = [column for column in _SERVICES if column in there]
        columns |= {"service": found[0]} if found else {}
    missing = [wanted for wanted in ("occurred_at", "service", "name") if wanted not in columns]
    if missing:
        raise UnusableSeriesError(
            name,
            f"no column is the alerts' {missing[0]}; there are {', '.join(there)[:300]}. Say --map {missing[0]}=COLUMN.",
        )
    return columns


def _kind(fields: Fields, tenant: str) -> AlertKind:
    severity, status = fields.get("severity"), fields.get("status")
    return AlertKind(
        tenant=values.text(fields["tenant"], _LONGEST) if fields.get("tenant") else tenant,
        environment=values.text(fields["environment"], _LONGEST) if fields.get("environment") else "",
        service=values.text(fields["service"], _LONGEST),
        name=values.text(fields["name"], _LONGEST),
        severity=values.severity(severity) if severity else Severity.WARNING,
        fires=(values.status(status) if status else AlertStatus.FIRING) is AlertStatus.FIRING,
    )
