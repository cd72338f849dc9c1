"""The intake's Prometheus metrics."""

from prometheus_client import CollectorRegistry, Counter, Histogram


class IntakeCounters:
    """Counts items by path and outcome (accepted, rejected, unavailable), and times the answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._items = Counter(
            "breakwater_intake_items", "Items that came in over HTTP.", ("path", "outcome"), registry=registry
        )
        self._answers = Histogram(
            "breakwater_intake_answer_seconds",
            "From a body's last byte to Kafka's acknowledgement.",
            ("path",),
            registry=registry,
        )

    def taken(self, path: str, accepted: int, rejected: int, took_s: float) -> None:
        """A body was answered after Kafka's acknowledgement."""
        self._items.labels(path, "accepted").inc(accepted)
        self._items.labels(path, "rejected").inc(rejected)
        self._answers.labels(path).observe(took_s)

    def unavailable(self, path: str) -> None:
        """A body could not be handed over to Kafka."""
        self._items.labels(path, "unavailable").inc()
