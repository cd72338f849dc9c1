"""Points of very many series: what a worker's memory and speed with all of them at once are measured with."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from schemas.codec import Codec
from schemas.identity import incident_id, series_id
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis

_SEED = 5
_PER_SERVICE = 10
# One that has a level, so that it is forecast, too; and one that has none.
FORECAST, PLAIN = "memory_limit_ratio", "queue_depth"


@dataclass(frozen=True, slots=True)
class Scrapes:
    """So many series of a metric, each with a point a scrape; `every_s` of event time lies between two scrapes."""

    series: int
    scrapes: int
    every_s: int
    metric: str = FORECAST

    @property
    def points(self) -> int:
        """All of them."""
        return self.series * self.scrapes


def scraped(work: Scrapes, now: Millis) -> Iterator[tuple[bytes, bytes]]:
    """Key and framed bytes of every point, scrape after scrape, the last one dated `now`: each series a wave with noise."""
    codec, dice = Codec(MetricPoint), random.Random(_SEED)  # noqa: S311 - it shall be foreseeable
    moulds = [_point(number, work.metric) for number in range(work.series)]
    for scrape in range(work.scrapes):
        at = now - (work.scrapes - 1 - scrape) * work.every_s * 1000
        for number, mould in enumerate(moulds):
            value = 0.5 + 0.2 * math.sin(scrape / 40 + number) + dice.gauss(0, 0.03)
            point = replace(mould, value=value, occurred_at=at, received_at=at)
            yield point.series.encode(), codec.encode(point)


def _point(number: int, metric: str) -> MetricPoint:
    service, labels = f"service-{number // _PER_SERVICE:05d}", {"pod": f"{number % _PER_SERVICE}"}
    where = ("default", "production", service)
    return MetricPoint(
        series=series_id(*where, metric, labels), incident_id=incident_id(*where), tenant=where[0], environment=where[1],
        service=service, name=metric, value=0.0, unit="1", occurred_at=0, received_at=0, labels=labels,
    )  # fmt: skip
