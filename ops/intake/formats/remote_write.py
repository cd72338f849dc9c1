"""Prometheus remote write, 1.0 and 2.0: snappy and protobuf.

Protocol: https://prometheus.io/docs/specs/prw/remote_write_spec/ and …/remote_write_spec_2_0/
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from ops.intake.answers import Answer, Outcome, Problem
from ops.intake.arrival import DEFAULT_ENVIRONMENT, Arrival
from ops.intake.errors import BodyRefusedError, ItemRefusedError
from ops.intake.formats.format import PROTOBUF, Example, Format, Row
from ops.intake.formats.remote_write_messages import Request, WriteRequest
from ops.intake.letters import INVALID, UNREADABLE, UNSUPPORTED
from ops.intake.points import Series, point_identity, point_of, series_of
from ops.intake.reading import Parcel, Reading, check_count
from schemas.errors import InvalidInputError
from streams.topics import METRICS

V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
# Not a value but the sign that a series has ended (prometheus/model/value).
_STALE = 0x7FF0000000000002
_SAMPLES, _HISTOGRAMS = "samples", "histograms"


@dataclass(frozen=True, slots=True)
class _Written:
    """A series as either version writes it."""

    labels: dict[str, str]
    unit: str
    message: Any


def read(parcel: Parcel, arrival: Arrival) -> Reading:
    """The samples of every series; an item is a sample or a histogram.

    Raises:
        BodyRefusedError: it is no such request, or has too many samples.
    """
    version = _version(parcel)
    try:
        request = (Request if version == V2 else WriteRequest).FromString(parcel.body)
    except DecodeError as error:
        raise BodyRefusedError(UNREADABLE, f"The body is no {version}: {error}.") from error
    check_count(len(request.timeseries))  # those without a sample too
    reading = Reading(facts={"version": version, _SAMPLES: 0, _HISTOGRAMS: 0})
    if version == V1 and request.metadata:
        reading.passed_over["metadata"] += len(request.metadata)
    for written in _written(request, version, reading):
        _take(written, reading, arrival)
    return reading


def _version(parcel: Parcel) -> str:
    _, _, parameters = parcel.headers.get("content-type", "").partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "proto":
            if value not in (V1, V2):
                raise BodyRefusedError(UNSUPPORTED, f"The protocol {value[:80]!r} is not known; send {V1} or {V2}.")
            return value
    return V1


def _written(request: Any, version: str, reading: Reading) -> Iterator[_Written]:
    for series in request.timeseries:
        if series.exemplars:
            reading.passed_over["exemplars"] += len(series.exemplars)
        if version == V1:
            yield _Written({label.name: label.value for label in series.labels}, "", series)
            continue
        try:
            symbols, refs = request.symbols, series.labels_refs
            names = [symbols[at] for at in refs]
            unit = symbols[series.metadata.unit_ref] if symbols else ""
        except IndexError:
            yield _Written({}, "", series)
            continue
        yield _Written(dict(zip(names[::2], names[1::2], strict=False)), unit, series)


def _take(written: _Written, reading: Reading, arrival: Arrival) -> None:
    count = len(written.message.samples) + len(written.message.histograms)
    first = reading.items
    reading.items += count
    check_count(reading.items)
    try:
        series = _series(written, "", arrival)
    except InvalidInputError as error:
        for index in range(first, first + count):
            reading.refuse(index, error)
        return
    for index, sample in enumerate(written.message.samples, first):
        if struct.unpack("<Q", struct.pack("<d", sample.value))[0] == _STALE:
            reading.passed_over["stale_markers"] += 1
            reading.facts[_SAMPLES] += 1
            continue
        _take_points(index, [(series, sample.value)], sample.timestamp, _SAMPLES, reading, arrival)
    for index, histogram in enumerate(written.message.histograms, first + len(written.message.samples)):
        reading.passed_over["histogram_buckets"] += 1
        values = [(_series(written, "_count", arrival), float(histogram.count_int or histogram.count_float)),
                  (_series(written, "_sum", arrival), histogram.sum)]  # fmt: skip
        _take_points(index, values, histogram.timestamp, _HISTOGRAMS, reading, arrival)


def _take_points(
    index: int, values: Iterable[tuple[Series, float]], at: int, kind: str, reading: Reading, arrival: Arrival
) -> None:
    try:
        points = [point_of(series, value, at, arrival) for series, value in values]
    except InvalidInputError as error:
        reading.refuse(index, error)
        return
    for point in points:
        reading.take(point, point_identity(point))
        reading.places.append(index)
    reading.facts[kind] += 1


def _series(written: _Written, suffix: str, arrival: Arrival) -> Series:
    labels = dict(written.labels)
    name = labels.pop("__name__", "")
    if not name:
        raise ItemRefusedError("__name__ is missing among the labels; every series has it.", INVALID, ("__name__",))
    rules = arrival.rules
    where = (
        rules.tenant_of(labels) or arrival.tenant,
        rules.environment_of(labels) or DEFAULT_ENVIRONMENT,
        rules.service_of(labels),
    )
    return series_of(where, name + suffix, written.unit, labels, arrival)


def answer(outcome: Outcome) -> Answer:
    """204; 400 where a part was refused: Prometheus then does not send it again. 2.0 is told how much was written."""
    facts = outcome.reading.facts
    headers = {
        "X-Prometheus-Remote-Write-Samples-Written": str(facts[_SAMPLES]),
        "X-Prometheus-Remote-Write-Histograms-Written": str(facts[_HISTOGRAMS]),
        "X-Prometheus-Remote-Write-Exemplars-Written": "0",
    }
    if facts["version"] == V1:
        headers = {}
    refusals = outcome.reading.refusals
    if not refusals:
        return Answer(204, b"", "", headers)
    said = f"{len(refusals)} of {outcome.reading.items} were refused and lie in the dead letters: {refusals[0].detail}"
    return Answer(400, said.encode(), "text/plain; charset=utf-8", headers)


def problem(told: Problem, _: Parcel) -> Answer:
    """A line of text; 4xx is not sent again, 429 and 5xx are."""
    status = 400 if told.status in (413, 422) else told.status
    return Answer(status, told.detail.encode(), "text/plain; charset=utf-8", told.all_headers())


REMOTE_WRITE_FORMAT = Format(
    name="remote_write",
    path="/api/v1/write",
    title="Prometheus remote write, 1.0 and 2.0.",
    protocol="https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/",
    topic=METRICS,
    read=read,
    rows=(
        Row("timeseries[].labels[__name__]", "name", "needed; with `_count` and `_sum` for native histograms"),
        Row("timeseries[].labels[job]", "service", "or the first of the labels in `BREAKWATER_SERVICE_LABELS`"),
        Row("timeseries[].labels", "tenant, environment", "`tenant`; `environment`, `env`, …"),
        Row("timeseries[].labels", "labels", "all but the name; in 2.0 by their symbols"),
        Row("timeseries[].samples[].value", "value", "finite; a stale marker is no value and is counted"),
        Row("timeseries[].samples[].timestamp", "occurred_at"),
        Row("timeseries[].metadata.unit_ref", "unit", "2.0 only"),
    ),
    example=Example("prometheus 2.42.0, as its remote write sends it; see tests", None),
    media=(PROTOBUF,),
    answer=answer,
    problem=problem,
    whole=True,
)
