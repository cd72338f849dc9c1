"""Traces across topics: one trace an incident, from its first alert to the notices, carried by W3C trace context in headers.

The trace's id is a function of the incident's: workers agree on it, and on whether it is sampled, though records lose headers on
the way (the event store writes its own) and some decisions are made by the clock. A span is what a record led to: from its
arrival to what was published because of it. Who does not trace pays nothing.

Trace context: https://www.w3.org/TR/trace-context/
"""

import hashlib
import random
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from schemas.records.intake import Alert
from streams.stage import Output, Position
from streams.topics import (
    ACTIONS,
    ANOMALIES,
    CANDIDATES,
    COMMANDS,
    DECISIONS,
    DIAGNOSES,
    NOTIFICATIONS,
    PREDICTIONS,
    RECOMMENDATIONS,
    STORMS,
)

HEADER = "traceparent"
# What is told a few times an incident; accounts and journals are told by the thousand.
TRACED = frozenset(
    topic.name
    for topic in (
        STORMS, ANOMALIES, CANDIDATES, PREDICTIONS, DIAGNOSES, RECOMMENDATIONS, DECISIONS, COMMANDS, ACTIONS, NOTIFICATIONS,
    )
)  # fmt: skip
_PARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 0x01
# Incidents whose last span is remembered: some 20 MB.
_MOST_REMEMBERED = 50_000
_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """A span as OTLP has it; ids are big-endian bytes, times epoch nanoseconds, `parent_id` empty at the root."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    start_ns: int
    end_ns: int
    attributes: dict[str, str | int] = field(default_factory=dict)


class SpanSink(Protocol):
    """Takes spans, at once, whatever becomes of them."""

    def take(self, span: Span) -> None:
        """A span is over."""


@dataclass(frozen=True, slots=True)
class _Thread:
    """What this worker knows of an incident: the next span's parent, the record heard last, whether it told the root."""

    parent_id: bytes
    heard: Position | None = None
    begun: bool = False


class Tracing:
    """The traces that one worker has a part in; on its event loop alone.

    Args:
        sink: where spans go. ratio: the part of incidents that is traced, 0 to 1. clock_ns: epoch ns.
    """

    def __init__(self, sink: SpanSink, ratio: float = 1.0, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._sink, self._clock_ns = sink, clock_ns
        self._most = int(ratio * (1 << 64))
        self._threads: OrderedDict[str, _Thread] = OrderedDict()

    def heard(self, record: Any, position: Position, headers: Iterable[tuple[str, bytes | None]]) -> None:
        """A record was read: what is published of its incident next is because of it."""
        incident_id = getattr(record, "incident_id", "")
        if not incident_id or not self._sampled(incident_id):
            return
        known = self._threads.get(incident_id)
        begun = known is not None and known.begun
        if not begun and isinstance(record, Alert):
            self._begin(incident_id, position)
            begun = True
        parent_id = _parent_of(headers, trace_id_of(incident_id))
        if parent_id is None:
            parent_id = known.parent_id if known is not None else root_id_of(incident_id)
        self._remember(incident_id, _Thread(parent_id, position, begun))

    def told(self, output: Output) -> dict[str, bytes]:
        """A record is published: its span is over. Returns the headers that carry the trace on."""
        incident_id = getattr(output.record, "incident_id", "")
        if output.topic.name not in TRACED or not incident_id or not self._sampled(incident_id):
            return {}
        thread = self._threads.get(incident_id) or _Thread(root_id_of(incident_id))
        if output.topic is CANDIDATES and not thread.begun:  # of what its metrics said alone
            self._begin(incident_id, thread.heard)
            thread = replace(thread, begun=True)
        now_ns = self._clock_ns()
        # Ids only have to differ.
        span_id = random.getrandbits(64).to_bytes(8, "big")
        attributes: dict[str, str | int] = {"messaging.system": "kafka", "incident_id": incident_id}
        if thread.heard is not None:
            attributes |= _place(thread.heard)
        if said := getattr(output.record, "type", ""):
            attributes["type"] = str(said)
        start_ns = now_ns if thread.heard is None else min(thread.heard.arrived_at * _MS, now_ns)
        trace_id, name = trace_id_of(incident_id), f"publish {output.topic.name}"
        self._sink.take(Span(trace_id, span_id, thread.parent_id, name, start_ns, now_ns, attributes))
        self._remember(incident_id, replace(thread, parent_id=span_id))
        return {HEADER: b"00-%s-%s-01" % (trace_id.hex().encode(), span_id.hex().encode())}

    def _begin(self, incident_id: str, heard: Position | None) -> None:
        now_ns = self._clock_ns()
        attributes: dict[str, str | int] = {"incident_id": incident_id}
        start_ns = now_ns
        if heard is not None:
            attributes |= _place(heard)
            start_ns = min(heard.arrived_at * _MS, now_ns)
        self._sink.take(
            Span(trace_id_of(incident_id), root_id_of(incident_id), b"", "incident", start_ns, now_ns, attributes)
        )

    def _sampled(self, incident_id: str) -> bool:
        # As OpenTelemetry's TraceIdRatioBased sampler: by the trace id's lower half.
        return int.from_bytes(trace_id_of(incident_id)[8:], "big") < self._most

    def _remember(self, incident_id: str, thread: _Thread) -> None:
        self._threads[incident_id] = thread
        self._threads.move_to_end(incident_id)
        if len(self._threads) > _MOST_REMEMBERED:
            self._threads.popitem(last=False)


def trace_id_of(incident_id: str) -> bytes:
    """The id of an incident's trace, 16 bytes."""
    return hashlib.sha256(f"trace/{incident_id}".encode()).digest()[:16]


def root_id_of(incident_id: str) -> bytes:
    """The id of its first span, 8 bytes: known to a worker that has not seen it."""
    return hashlib.sha256(f"span/{incident_id}".encode()).digest()[:8]


def _parent_of(headers: Iterable[tuple[str, bytes | None]], trace_id: bytes) -> bytes | None:
    told = next((value for name, value in headers if name == HEADER), None)
    found = _PARENT.fullmatch(told or b"")
    if found is None or bytes.fromhex(found[1].decode()) != trace_id or not int(found[3], 16) & _SAMPLED:
        return None  # of another's trace, or of none
    return bytes.fromhex(found[2].decode())


def _place(position: Position) -> dict[str, str | int]:
    return {
        "messaging.source.name": position.topic,
        "messaging.source.partition": position.partition,
        "messaging.source.offset": position.offset,
    }
