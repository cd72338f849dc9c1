"""Stage `metrics`: every point of every series is scored as it comes; the unusual ones become anomalies, sparingly."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from agents.detection.metric_detector import Reading, SeriesState, watch
from agents.series.values import MOST, measurable
from schemas.errors import DecodeError
from schemas.records.analysis import Anomaly, AnomalyKind
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis
from streams.stage import Output, Position, Received, Step
from streams.topics import ANOMALIES, METRICS, Topic


@dataclass(frozen=True, slots=True)
class MetricRules:
    """What an operator can set: the score from which a point is an anomaly, and the least event time between two of a series."""

    threshold: float = 0.99
    repeat_s: float = 5.0


@dataclass(frozen=True, slots=True)
class WatchedSeries:
    """The detector's memory, and when an anomaly was last told (epoch ms of event time; None: never)."""

    series: SeriesState = field(default_factory=SeriesState)
    told_at: Millis | None = None


_STATE = TypeAdapter(WatchedSeries)


class MetricsStage:
    """METRICS -> ANOMALIES, keyed by series. A point whose value says nothing is a dead letter, and no state knows of it."""

    name = "metrics"
    sources: tuple[Topic, ...] = (METRICS,)
    views: tuple[Topic, ...] = ()

    def __init__(self, rules: MetricRules | None = None) -> None:
        self._rules = rules or MetricRules()

    def key(self, received: Received[Any]) -> str | None:
        """The series.

        Raises:
            DecodeError: reason `not_measurable`, for NaN, infinities and what is too large to be squared.
        """
        point: MetricPoint = received.record
        if not measurable(point.value):
            why = f"{point.name} of {point.service} is {point.value}; give a number between -{MOST:g} and {MOST:g}."
            raise DecodeError("not_measurable", why)
        return point.series

    def initial(self, key: str) -> WatchedSeries:  # noqa: ARG002 - every series begins alike
        """A series of which nothing is known."""
        return WatchedSeries()

    def decide(self, state: WatchedSeries, received: Received[Any]) -> Step[WatchedSeries]:
        """Score the point, learn it, and tell of it when it is unusual and its series was not told of just now."""
        point: MetricPoint = received.record
        series, reading = watch(state.series, point.name, point.value, point.occurred_at, self._rules.threshold)
        if reading is None or reading.score < self._rules.threshold:
            return Step(WatchedSeries(series, state.told_at))
        if state.told_at is not None and 0 <= point.occurred_at - state.told_at < self._rules.repeat_s * 1000:
            return Step(WatchedSeries(series, state.told_at))
        found = _anomaly(point, reading, received.position)
        return Step(WatchedSeries(series, point.occurred_at), (Output(ANOMALIES, point.incident_id, found),))

    def tick(self, key: str, state: WatchedSeries, now: Millis) -> Step[WatchedSeries] | None:  # noqa: ARG002 - no clock
        """Nothing happens by time alone."""
        return None

    def waits(self, state: WatchedSeries) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: WatchedSeries) -> dict[str, Any]:
        """The state's numbers, under their names."""
        fields: dict[str, Any] = _STATE.dump_python(state, mode="json")
        return fields

    def load(self, fields: dict[str, Any]) -> WatchedSeries:
        """The state of these numbers; what an earlier version did not know begins anew."""
        return _STATE.validate_python(fields)


def _anomaly(point: MetricPoint, reading: Reading, position: Position) -> Anomaly:
    summary = (
        f"{point.name} of {point.service} {reading.shape}: {reading.value:.4g}, usually {reading.expected:.4g}, "
        f"trend {reading.trend_per_min:+.3g} a minute"
    )
    return Anomaly(
        anomaly_id=position.derived_id("metrics"), incident_id=point.incident_id, tenant=point.tenant,
        environment=point.environment, service=point.service, kind=AnomalyKind.METRIC, series=point.series,
        metric=point.name, score=reading.score, value=reading.value, expected=reading.expected,
        trend_per_min=reading.trend_per_min, summary=summary, occurred_at=point.occurred_at,
        evidence=[position.evidence(summary)])  # fmt: skip
