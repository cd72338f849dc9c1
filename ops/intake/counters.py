"""The intake's Prometheus metrics."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.records.log import DeadLetter


class IntakeCounters:
    """Counts items by path and outcome (accepted, rejected, duplicate, unavailable), letters by reason, and times the answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._items = Counter(
            "breakwater_intake_items", "Items that came in over HTTP.", ("path", "outcome"), registry=registry
        )
        self._letters = Counter(
            "breakwater_intake_dead_letters", "Dead letters of the intake.", ("path", "reason"), registry=registry
        )
        self._refused = Counter(
            "breakwater_intake_not_admitted", "Requests that were not let in.", ("path", "reason"), registry=registry
        )
        self._passed_over = Counter(
            "breakwater_intake_passed_over", "Parts of bodies that hold no value.", ("path", "what"), registry=registry
        )
        self._waiting = Gauge("breakwater_intake_waiting_bytes", "Bytes that wait for Kafka.", registry=registry)
        self._answers = Histogram(
            "breakwater_intake_answer_seconds",
            "From a body's last byte to Kafka's acknowledgement.",
            ("path",),
            registry=registry,
        )
        self._of_path: dict[str, tuple[Counter, Counter, Counter, Histogram]] = {}

    def taken(self, path: str, accepted: int, rejected: int, duplicates: int, took_s: float) -> None:
        """A body was answered after Kafka's acknowledgement."""
        if path not in self._of_path:
            self._of_path[path] = (
                self._items.labels(path, "accepted"),
                self._items.labels(path, "rejected"),
                self._items.labels(path, "duplicate"),
                self._answers.labels(path),
            )
        took, refused, again, answers = self._of_path[path]
        took.inc(accepted)
        refused.inc(rejected)
        if duplicates:
            again.inc(duplicates)
        answers.observe(took_s)

    def shelved(self, path: str, letters: Iterable[DeadLetter]) -> None:
        """Dead letters are in Kafka."""
        for reason, count in Tally(letter.reason for letter in letters).items():
            self._letters.labels(path, reason).inc(count)

    def passed_over(self, path: str, parts: Mapping[str, int]) -> None:
        """Parts of a body that hold no value, such as markers that a series has ended."""
        for what, count in parts.items():
            self._passed_over.labels(path, what).inc(count)

    def not_admitted(self, path: str, reason: str) -> None:
        """A request was refused before anything of it was kept."""
        self._refused.labels(path, reason).inc()

    def unavailable(self, path: str) -> None:
        """A body could not be handed over to Kafka."""
        self._items.labels(path, "unavailable").inc()

    def waiting(self, size: int) -> None:
        """What waits for Kafka now."""
        self._waiting.set(size)
