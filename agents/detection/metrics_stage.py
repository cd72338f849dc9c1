"""Stage `metrics`: every point of every series is scored as it comes; the unusual ones become anomalies, sparingly.

What begins an anomaly is an alarm of the detectors (`agents.detectors`, as `breakwater backtest detect` scores them), or the
steady rise of a thing that fills up. A young series has no history to tell what is rare by: there it takes three points in
a row that are far off its usual level. While the series then stays off that level it is told of again and again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from agents.detection.metric_detector import RISES, UNUSUAL, Reading, SeriesState, watch
from agents.detectors.ensemble import THRESHOLD, YOUNG, SeriesWatch, Verdict
from agents.detectors.errors import UnreadableMemoryError
from agents.series.metric_names import counts_up, least_scale
from agents.series.notices import tell_once
from agents.series.values import MOST, in_words, measurable
from schemas.convert import to_dict
from schemas.errors import DecodeError
from schemas.frozen import maker
from schemas.records.analysis import Anomaly, AnomalyKind
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis
from streams.stage import Output, Position, Received, Step
from streams.topics import ANOMALIES, METRICS, Topic


@dataclass(frozen=True, slots=True)
class MetricRules:
    """What an operator can set: the score from which a point is an anomaly, and the least event time between two of a series."""

    threshold: float = THRESHOLD
    repeat_s: float = 5.0


@dataclass(frozen=True, slots=True)
class WatchedSeries:
    """What follows the level, the detectors, whether an anomaly is on, and when it was last told (epoch ms; None: never)."""

    series: SeriesState = field(default_factory=SeriesState)
    detectors: SeriesWatch = field(default_factory=SeriesWatch)
    on: bool = False
    told_at: Millis | None = None


_watched: Callable[..., WatchedSeries] = maker(WatchedSeries)
_SERIES = TypeAdapter(SeriesState)
_NOTHING = Verdict(0.0, alarm=False)
# Each 6.7 deviations off: one is a spike, two may be one spike's slopes.
_IN_A_ROW = 3


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
        """Score the point, learn it, and tell of it when it is unusual and its series was not told of just now.

        The detectors learn in place: a state is good for one decision, as its shell has it.
        """
        point: MetricPoint = received.record
        series, reading = watch(state.series, point.name, point.value, point.occurred_at)
        verdict = _NOTHING
        if _learned(state.series, point):
            verdict = state.detectors.judge(series.last, point.occurred_at / 1000, self._rules.threshold)
        if reading is None:
            return Step(_watched(series, state.detectors, state.on, state.told_at))
        off = reading.score >= UNUSUAL
        begins = (off and reading.shape == RISES) or (
            (verdict.alarm or _left_early(series)) and _matters(point.name, reading)
        )
        on = begins or (state.on and off)
        told_just_now = (
            state.told_at is not None and 0 <= point.occurred_at - state.told_at < self._rules.repeat_s * 1000
        )
        if not on or told_just_now:
            return Step(_watched(series, state.detectors, on, state.told_at))
        found = _anomaly(point, reading, verdict, received.position)
        told = _watched(series, state.detectors, on, point.occurred_at)
        return Step(told, (Output(ANOMALIES, point.incident_id, found),))

    def tick(self, key: str, state: WatchedSeries, now: Millis) -> Step[WatchedSeries] | None:  # noqa: ARG002 - no clock
        """Nothing happens by time alone."""
        return None

    def waits(self, state: WatchedSeries) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def observe(self, received: Received[Any]) -> None:
        """There are no views."""

    def dump(self, state: WatchedSeries) -> dict[str, Any]:
        """The state's numbers, under their names; the detectors' as they pack them."""
        return {
            "series": to_dict(state.series),
            "detectors": state.detectors.dump(),
            "on": state.on,
            "told_at": state.told_at,
        }

    def load(self, fields: dict[str, Any]) -> WatchedSeries:
        """The state of these numbers; what an earlier version did not know, or another one knew, begins anew."""
        return WatchedSeries(
            _SERIES.validate_python(fields.get("series", {})),
            _detectors(fields.get("detectors")),
            bool(fields.get("on", False)),
            fields.get("told_at"),
        )


def _detectors(text: str | None) -> SeriesWatch:
    if text is None:
        return SeriesWatch()
    try:
        return SeriesWatch.load(text)
    except UnreadableMemoryError as error:
        tell_once("series are learned anew", str(error))
        return SeriesWatch()


def _learned(before: SeriesState, point: MetricPoint) -> bool:
    """Whether the point is the next of its series, and has a value: a counter's first has none."""
    return point.occurred_at > before.last_at if before.points else not counts_up(point.name)


def _left_early(series: SeriesState) -> bool:
    """Whether a young series has left its usual level: ranks among twenty points prove nothing, so distance has to."""
    return series.points < YOUNG and series.unusual_run >= _IN_A_ROW


def _matters(name: str, reading: Reading) -> bool:
    """Whether it is far enough off for a metric whose name tells its unit."""
    return abs(reading.value - reading.expected) >= least_scale(name)


def _anomaly(point: MetricPoint, reading: Reading, verdict: Verdict, position: Position) -> Anomaly:
    shape = reading.shape if reading.score >= UNUSUAL else "is unlike before"
    summary = (
        f"{point.name} of {point.service} {shape}: {in_words(reading.value)}, usually {in_words(reading.expected)}, "
        f"trend {in_words(reading.trend_per_min, '+')} a minute"
    )
    return Anomaly(
        anomaly_id=position.derived_id("metrics"), incident_id=point.incident_id, tenant=point.tenant,
        environment=point.environment, service=point.service, kind=AnomalyKind.METRIC, series=point.series,
        metric=point.name, score=max(reading.score, verdict.score), value=reading.value, expected=reading.expected,
        trend_per_min=reading.trend_per_min, summary=summary, occurred_at=point.occurred_at,
        evidence=[position.evidence(summary)])  # fmt: skip
