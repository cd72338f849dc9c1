"""Counts what a worker publishes, by kind: dead letters by reason, what became of alerts, storms, decisions, actions, notices.

What is published again after a crash is counted again: exact figures are in the log (`breakwater account`), these are for plots.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from schemas.records.analysis import Prediction
from schemas.records.command import ActionRecord, Decision, Notification
from schemas.records.log import DeadLetter
from schemas.records.sampling import AlertAccount, StormChanged
from streams.outbox import Message
from streams.stage import Output, Received
from streams.topics import Topic
from streams.tracing import Tracing
from streams.transport.batch import RawRecord
from streams.wire import CodecOf, Wire, single_object_codec

# Incidents whose last account is remembered: some 20 MB.
_MOST_REMEMBERED = 100_000
_FATES = ("received", "kept", "suppressed", "late", "dead_lettered")


class MeteredWire(Wire):
    """A Wire that counts what it encodes, and carries traces on where there is a `tracing`."""

    def __init__(
        self, registry: CollectorRegistry, codec_of: CodecOf = single_object_codec, tracing: Tracing | None = None
    ) -> None:
        super().__init__(codec_of)
        self._tracing = tracing
        self._count: dict[type, Callable[[Any], None]] = _counters(registry)

    def message(self, output: Output) -> Message:
        """As Wire does it, and counted."""
        message = super().message(output)
        if (count := self._count.get(type(output.record))) is not None:
            count(output.record)
        if self._tracing is not None and (carried := self._tracing.told(output)):
            return message._replace(headers={**message.headers, **carried})
        return message

    def received(
        self, topic: Topic, partition: int, raw: RawRecord, read: dict[int, Received[Any]] | None = None
    ) -> Received[Any]:
        """As Wire does it, and noted as what comes next is because of."""
        received = super().received(topic, partition, raw, read)
        if self._tracing is not None:
            self._tracing.heard(received.record, received.position, raw.headers)
        return received


def _counters(registry: CollectorRegistry) -> dict[type, Callable[[Any], None]]:
    def counter(name: str, help_text: str, *labels: str) -> Callable[[Any], None]:
        metric = Counter(f"breakwater_{name}", help_text, labels, registry=registry)
        if not labels:
            return lambda _: metric.inc()
        return lambda record: metric.labels(*(_said(getattr(record, label)) for label in labels)).inc()

    return {
        AlertAccount: _Alerts(registry).told,
        DeadLetter: counter("dead_letters", "Dead letters of the stages.", "stage", "reason"),
        StormChanged: counter("storms", "Storms that opened or closed.", "open"),
        Prediction: _Predictions(registry).told,
        Decision: counter("decisions", "Decisions of consensus.", "action", "autonomous"),
        ActionRecord: counter("actions", "Actions by how far they came.", "action", "state"),
        Notification: counter("notifications", "Notices by what became of them.", "channel", "state"),
    }


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Predictions:
    """What was foretold, and what became of it; the mean of the squared errors is the Brier score."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._made = Counter("breakwater_predictions", "Predicted breaches.", registry=registry)
        self._verified = Counter(
            "breakwater_predictions_verified", "Predictions by what became of them, and breaches that none stood for.",
            ("model", "outcome"), registry=registry)  # fmt: skip
        self._errors = Counter(
            "breakwater_prediction_squared_errors", "Sum of (probability - came)² of the verified.", ("model",),
            registry=registry)  # fmt: skip

    def told(self, prediction: Prediction) -> None:
        """A prediction, or the outcome of one."""
        if not prediction.outcome:
            self._made.inc()
            return
        self._verified.labels(prediction.model, prediction.outcome).inc()
        self._errors.labels(prediction.model).inc(prediction.squared_error)


class _Alerts:
    """What became of alerts, from incidents' running totals."""

    def __init__(self, registry: CollectorRegistry) -> None:
        metric = Counter("breakwater_alerts", "Alerts by what became of them.", ("fate",), registry=registry)
        self._fates = [metric.labels(fate) for fate in _FATES]
        self._last: OrderedDict[tuple[str, int], tuple[int, ...]] = OrderedDict()

    def told(self, account: AlertAccount) -> None:
        """An incident's account; its totals before this worker's time are not this worker's."""
        key = (account.incident_id, account.partition)
        totals = tuple(getattr(account, f"total_{fate}") for fate in _FATES)
        first = totals if account.total_received == account.received else None
        before = self._last.pop(key, (0,) * len(_FATES) if first else totals)
        self._last[key] = totals
        if len(self._last) > _MOST_REMEMBERED:
            self._last.popitem(last=False)
        for fate, now, then in zip(self._fates, totals, before, strict=True):
            if now > then:
                fate.inc(now - then)
