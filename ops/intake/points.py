"""Metric points of senders that describe series by labels."""

import math
from dataclasses import dataclass

from ops.intake.arrival import Arrival
from ops.intake.errors import ItemRefusedError
from ops.intake.letters import INVALID
from ops.intake.models import LONGEST_TITLE
from ops.intake.values import LAST_MS
from schemas.identity import series_id
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis

# A Kafka key of this length still leaves room for the record; a longer series is no sane one.
_LONGEST_SERIES = 16_384


@dataclass(frozen=True, slots=True)
class Series:
    """One series: what its points share."""

    series: str
    incident_id: str
    where: tuple[str, str, str]
    name: str
    unit: str
    labels: dict[str, str]


def series_of(where: tuple[str, str, str], name: str, unit: str, labels: dict[str, str], arrival: Arrival) -> Series:
    """The series of a name and its labels.

    Raises:
        ItemRefusedError: it has no name, or name or labels are endless.
    """
    if not name or len(name) > LONGEST_TITLE:
        raise ItemRefusedError(f"name has {len(name)} characters; give 1 to {LONGEST_TITLE}.", INVALID, ("name",))
    size = sum(map(len, labels)) + sum(map(len, labels.values()))
    if (
        size > _LONGEST_SERIES
    ):  # before it is sorted and joined: in remote write 2.0 many series may name one endless text
        raise ItemRefusedError(f"labels of {size} characters; give at most {_LONGEST_SERIES}.", INVALID, ("labels",))
    key = series_id(*where, name, labels)
    if len(key) > _LONGEST_SERIES:
        raise ItemRefusedError(
            f"labels of {len(key)} characters; give at most {_LONGEST_SERIES}.", INVALID, ("labels",)
        )
    incident = labels.get("incident_id", "")[:256] or arrival.rules.incident_of(where, labels)
    return Series(key, incident, where, name, unit, labels)


def point_of(series: Series, value: float, at: Millis, arrival: Arrival) -> MetricPoint:
    """A point of a series.

    Raises:
        ItemRefusedError: the value is not finite, or the time is before 1970 or after 9999.
    """
    if not math.isfinite(value):
        raise ItemRefusedError(f"value is {value}; give a finite number.", INVALID, ("value",))
    if not 0 <= at <= LAST_MS:
        raise ItemRefusedError(f"timestamp is {at} ms; give one since 1970.", INVALID, ("timestamp",))
    return MetricPoint(
        series=series.series,
        incident_id=series.incident_id,
        tenant=series.where[0],
        environment=series.where[1],
        service=series.where[2],
        name=series.name,
        value=value,
        unit=series.unit,
        occurred_at=at,
        received_at=arrival.received_at,
        labels=series.labels,
    )


def point_identity(point: MetricPoint) -> str:
    """A series has one value at a time: a sender's retry brings the same."""
    return f"{point.series}\x1f{point.occurred_at}\x1f{point.value}"
