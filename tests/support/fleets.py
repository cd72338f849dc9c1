"""Series of a fleet: percentages that idle, and now and then climb over 90 and fall back; a point each five minutes."""

import random

from schemas.identity import incident_id, series_id
from schemas.records.intake import MetricPoint
from tests.support.signals import NOW

STEP_MS = 300_000
_NAME = "cpu_percent"


def climbers(count: int, points: int, seed: int = 1) -> list[list[float]]:
    """So many series of so many points."""
    dice, found = random.Random(seed), []
    for _ in range(count):
        values: list[float] = []
        while len(values) < points:
            values += [dice.gauss(20, 2) for _ in range(dice.randrange(10, 30))]
            values += [20 + 6.5 * i + dice.gauss(0, 1) for i in range(13)]
        found.append(values[:points])
    return found


def fleet_points(series: list[list[float]], tenant: str = "acme") -> list[MetricPoint]:
    """As they come: the first of all series, then the second. Each series is a service's."""
    return [
        _point(tenant, f"vm-{k:03d}", values[t], NOW + t * STEP_MS)
        for t in range(len(series[0]))
        for k, values in enumerate(series)
    ]


def _point(tenant: str, service: str, value: float, at: int) -> MetricPoint:
    return MetricPoint(
        series=series_id(tenant, "prod", service, _NAME, {}), incident_id=incident_id(tenant, "prod", service),
        tenant=tenant, environment="prod", service=service, name=_NAME, value=value, unit="%", occurred_at=at, received_at=at,
    )  # fmt: skip
