"""Consumer lag as Prometheus has it, under the names that dashboards already use (kafka-lag-exporter's)."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ops.lag.judgement import LagRow, LagStatus

_PLACE = ("group", "topic", "partition")


class LagCollector(Collector):
    """Asked at each scrape for the rows of the last look."""

    def __init__(self, rows: Callable[[], Sequence[LagRow]]) -> None:
        self._rows = rows

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The metrics, without asking for rows."""
        return _families(())

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """A sample a row and metric."""
        return _families(self._rows())


def _families(rows: Sequence[LagRow]) -> list[GaugeMetricFamily]:
    lag = GaugeMetricFamily("kafka_consumergroup_group_lag", "Records that are not read.", labels=_PLACE)
    lag_s = GaugeMetricFamily(
        "kafka_consumergroup_group_lag_seconds", "Age of the oldest record that is not read.", labels=_PLACE
    )
    velocity = GaugeMetricFamily("breakwater_lag_velocity", "Records a second that the group advances.", labels=_PLACE)
    eta_s = GaugeMetricFamily(
        "breakwater_lag_eta_seconds", "Until nothing is unread; absent where the group comes no nearer.", labels=_PLACE
    )
    status = GaugeMetricFamily("breakwater_lag_status", "1 for the status that holds.", labels=(*_PLACE, "status"))
    waiting = GaugeMetricFamily("breakwater_lag_incidents", "Incidents seen behind the position.", labels=_PLACE)
    for row in rows:
        place = (row.group, row.topic, str(row.partition))
        lag.add_metric(place, row.lag)
        lag_s.add_metric(place, row.lag_s)
        velocity.add_metric(place, row.velocity)
        waiting.add_metric(place, len(row.incidents))
        if row.eta_s is not None:
            eta_s.add_metric(place, row.eta_s)
        for one in LagStatus:
            status.add_metric((*place, one.value), float(one == row.status))
    return [lag, lag_s, velocity, eta_s, status, waiting]
