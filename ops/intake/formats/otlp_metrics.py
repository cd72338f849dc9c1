"""OTLP/HTTP metrics: gauges, sums, histograms, summaries.

Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp and opentelemetry/proto/metrics/v1/metrics.proto
"""

from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from ops.intake.arrival import Arrival
from ops.intake.errors import ItemRefusedError
from ops.intake.formats.format import Example, Format, Row
from ops.intake.formats.otlp import MEDIA, answers, attributes, parsed, problem, scopes, where_of
from ops.intake.letters import OVERSIZED
from ops.intake.points import point_identity, point_of, series_of
from ops.intake.reading import Parcel, Reading, check_count
from schemas.errors import InvalidInputError
from streams.topics import METRICS

# DataPointFlags: the series has ended, the point has no value.
_NO_VALUE = 1
# Of a point: each bucket and quantile is a record. Exporters have some twenty.
_MOST_VALUES = 1_000


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The points of every resource, scope and metric.

    Raises:
        BodyRefusedError: it is no such request, or has too many points.
    """
    request = parsed(parcel, ExportMetricsServiceRequest)
    reading, metrics = Reading(), 0
    for shared, scope in scopes(request.resource_metrics, "scope_metrics", arrival.rules.max_item_bytes):
        where = where_of(shared, arrival)
        metrics += len(scope.metrics)
        check_count(metrics)  # those without a point too
        for metric in scope.metrics:
            for point in _data_points(metric):
                reading.items += 1
                check_count(reading.items)
                _take(metric, point, where, shared, reading, arrival)
    return reading


def _take(
    metric: Metric, point: Any, where: tuple[str, str, str], shared: dict[str, str], reading: Reading, arrival: Arrival
) -> None:
    index = reading.items - 1
    if point.flags & _NO_VALUE:
        reading.passed_over["no_recorded_value"] += 1
        return
    _note_left_out(metric, point, reading)
    labels = shared | attributes(point.attributes)
    at = point.time_unix_nano // 1_000_000 or arrival.received_at
    try:
        made = []
        for suffix, label, value in _values(metric, point):
            series = series_of(where, metric.name + suffix, metric.unit, labels | label, arrival)
            made.append(point_of(series, value, at, arrival))
            if len(made) > _MOST_VALUES:
                raise ItemRefusedError(f"The point has more than {_MOST_VALUES} values.", OVERSIZED, ("bucketCounts",))
    except InvalidInputError as error:
        reading.refuse(index, error)
        return
    for one in made:
        reading.take(one, point_identity(one))
    reading.places += [index] * len(made)


def _note_left_out(metric: Metric, point: Any, reading: Reading) -> None:
    """What a series of numbers has no place for is counted, so that nobody misses it unawares."""
    kind = metric.WhichOneof("data")
    if kind != "summary" and point.exemplars:
        reading.passed_over["exemplars"] += len(point.exemplars)
    if kind == "exponential_histogram":
        reading.passed_over["histogram_buckets"] += 1


def _data_points(metric: Metric) -> Iterator[Any]:
    kind = metric.WhichOneof("data")
    if kind is not None:
        yield from getattr(metric, kind).data_points


def _values(metric: Metric, point: Any) -> Iterator[tuple[str, dict[str, str], float]]:
    """The values of a data point: suffix of the name, labels of their own, value."""
    kind = metric.WhichOneof("data")
    if kind in ("gauge", "sum"):
        which = point.WhichOneof("value")
        yield "", {}, float(getattr(point, which)) if which else float("nan")
        return
    yield "_count", {}, float(point.count)
    if kind == "summary" or point.HasField("sum"):
        yield "_sum", {}, float(point.sum)
    if kind == "summary":
        for quantile in point.quantile_values:
            yield "", {"quantile": f"{quantile.quantile:g}"}, float(quantile.value)
        return
    for name in ("min", "max"):
        if point.HasField(name):
            yield f"_{name}", {}, float(getattr(point, name))
    if kind == "histogram":
        total = 0
        bounds = [*(f"{bound:g}" for bound in point.explicit_bounds), "+Inf"]
        for bound, count in zip(bounds, point.bucket_counts, strict=False):
            total += count
            yield "_bucket", {"le": bound}, float(total)


OTLP_METRICS_FORMAT = Format(
    name="otlp_metrics",
    path="/otlp/v1/metrics",
    title="OTLP/HTTP metrics, in protobuf or JSON; also at /v1/metrics.",
    protocol="https://opentelemetry.io/docs/specs/otlp/#otlphttp",
    topic=METRICS,
    read=read,
    rows=(
        Row("resourceMetrics[].resource.attributes", "service", "`service.name`, else as any labels; else `unknown`"),
        Row("resourceMetrics[].resource.attributes", "tenant, environment", "`tenant`, `deployment.environment`, …"),
        Row("resourceMetrics[].resource.attributes", "labels", "all of them; they are part of the series"),
        Row("resourceMetrics[].scopeMetrics[].scope.name", "labels", "`otel_scope_name`"),
        Row("resourceMetrics[].scopeMetrics[].metrics[].name", "name", "with `_count`, `_sum`, `_min`, `_max`, `_bucket` "
            "(cumulative, label `le`) for histograms, label `quantile` for summaries"),
        Row("resourceMetrics[].scopeMetrics[].metrics[].unit", "unit"),
        Row("resourceMetrics[].scopeMetrics[].metrics[].gauge.dataPoints[].asDouble", "value",
            "finite; exemplars and the buckets of exponential histograms have no place, and are counted as passed over"),
        Row("resourceMetrics[].scopeMetrics[].metrics[].gauge.dataPoints[].timeUnixNano", "occurred_at", "else the arrival"),
        Row("resourceMetrics[].scopeMetrics[].metrics[].gauge.dataPoints[].attributes", "labels"),
    ),
    example=Example(
        "opentelemetry-proto's examples/metrics.json",
        {"resourceMetrics": [{"resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "my.service"}},
            {"key": "tenant", "value": {"stringValue": "acme"}},
            {"key": "deployment.environment", "value": {"stringValue": "staging"}}]},
          "scopeMetrics": [{"scope": {"name": "my.library", "version": "1.0.0"}, "metrics": [
            {"name": "my.gauge", "unit": "1", "description": "I am a Gauge", "gauge": {"dataPoints": [
                {"asDouble": 10, "timeUnixNano": "1544712660300000000",
                 "attributes": [{"key": "my.gauge.attr", "value": {"stringValue": "some value"}}]}]}}]}]}]},
        {"content-type": "application/json"},
    ),
    media=MEDIA,
    answer=answers(ExportMetricsServiceResponse, "rejected_data_points"),
    problem=problem,
    whole=True,
)  # fmt: skip
