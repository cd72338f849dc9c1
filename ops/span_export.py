"""Sends spans to an OpenTelemetry collector: OTLP over HTTP, protobuf (https://opentelemetry.io/docs/specs/otlp/)."""

import queue
import threading
import time

import httpx
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

from streams.tracing import Span

log = structlog.get_logger()

_PATH = "/v1/traces"
_MOST_WAITING = 10_000
_BATCH = 500
_TIMEOUT_S = 5.0
_LINGER_S = 0.5
_SAID_EVERY_S = 10.0


class SpanExporter:
    """A SpanSink and a part of a worker; a collector that is slow or away costs spans, never work.

    Args:
        endpoint: the collector's address, as in OTEL_EXPORTER_OTLP_ENDPOINT, without the path.
        service: the worker's name.
    """

    def __init__(self, endpoint: str, service: str) -> None:
        self._url, self._service = endpoint.rstrip("/") + _PATH, service
        self._waiting: queue.Queue[Span | None] = queue.Queue(_MOST_WAITING)
        self._lost, self._said_s = 0, -_SAID_EVERY_S
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def take(self, span: Span) -> None:
        """Queue a span; where the queue is full it is lost, and counted."""
        try:
            self._waiting.put_nowait(span)
        except queue.Full:
            self._lost += 1

    @property
    def lost(self) -> int:
        """How many spans were given up: the queue was full, or the collector away."""
        return self._lost

    def close(self) -> None:
        """Send what waits, for as long as one request may take."""
        if self._thread.is_alive():
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                return
            self._thread.join(_TIMEOUT_S)

    def _run(self) -> None:
        with httpx.Client(timeout=_TIMEOUT_S) as client:
            going = True
            while going:
                batch, going = self._next()
                if batch:
                    self._send(client, batch)

    def _next(self) -> tuple[list[Span], bool]:
        """The next spans, and whether there may be more after them."""
        batch: list[Span] = []
        span = self._waiting.get()
        while span is not None:
            batch.append(span)
            if len(batch) >= _BATCH:
                return batch, True
            try:
                span = self._waiting.get(timeout=_LINGER_S)
            except queue.Empty:
                return batch, True
        return batch, False

    def _send(self, client: httpx.Client, batch: list[Span]) -> None:
        headers = {"content-type": "application/x-protobuf"}
        try:
            client.post(self._url, content=request_of(batch, self._service), headers=headers).raise_for_status()
        except httpx.HTTPError as error:
            self._lost += len(batch)
            if time.monotonic() - self._said_s >= _SAID_EVERY_S:
                self._said_s = time.monotonic()
                log.warning("spans are lost", lost=self._lost, error=str(error), do="look at BREAKWATER_OTLP_ENDPOINT")


def request_of(spans: list[Span], service: str) -> bytes:
    """An ExportTraceServiceRequest."""
    request = ExportTraceServiceRequest()
    of_service = request.resource_spans.add()
    of_service.resource.attributes.append(_attribute("service.name", service))
    scope = of_service.scope_spans.add()
    scope.scope.name = "breakwater"
    for span in spans:
        scope.spans.append(WireSpan(
            trace_id=span.trace_id, span_id=span.span_id, parent_span_id=span.parent_id, name=span.name,
            kind=WireSpan.SPAN_KIND_PRODUCER if span.parent_id else WireSpan.SPAN_KIND_CONSUMER,
            start_time_unix_nano=span.start_ns, end_time_unix_nano=span.end_ns,
            attributes=[_attribute(name, value) for name, value in span.attributes.items()],
        ))  # fmt: skip
    return request.SerializeToString()


def _attribute(name: str, value: str | int) -> KeyValue:
    found = KeyValue(key=name)
    if isinstance(value, int):
        found.value.int_value = value
    else:
        found.value.string_value = value
    return found
