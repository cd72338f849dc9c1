"""What a worker can measure of itself: told once a batch, so that it costs nothing a record. Without a meter nothing is told.

The app's `meter` is set by whoever runs it; nothing here knows of Prometheus.
"""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from streams.transport.chunks import Chunk

# No topic keeps records for longer: what is dated before, by its producer, says nothing of how long it waited.
_OLDEST_S = 30 * 86_400.0


class Meter(Protocol):
    """Hears what a worker does."""

    def worked(self, stage: str, topic: str, records: int, took_s: float, age_s: float) -> None:
        """A stage acknowledged a batch: taken up `took_s` before, its oldest record on the topic since `age_s`."""

    def stood(self, still_s: float) -> None:
        """The watchdog looked: how long the partition that stands longest has stood, 0 where none does."""


class Attended:
    """An event whose acknowledgement is told to a meter; else as the event itself."""

    __slots__ = ("_began_s", "_event", "_meter", "_oldest_ms", "_records", "_stage")

    def __init__(self, event: Any, stage: str, meter: Meter) -> None:
        self._event, self._stage, self._meter = event, stage, meter
        records = event.value.records  # the stage may give them back before it acknowledges
        self._records = _count(records)
        self._oldest_ms: int | None = records[0].timestamp if len(records) else None
        self._began_s = time.monotonic()

    @property
    def message(self) -> Any:
        """The event's message."""
        return self._event.message

    @property
    def value(self) -> Any:
        """The event's batch."""
        return self._event.value

    def ack(self) -> None:
        """The stage is done with the batch."""
        self._event.ack()
        now_s = time.time_ns() / 1e9
        age_s = 0.0 if self._oldest_ms is None else max(now_s - self._oldest_ms / 1000, 0.0)
        if age_s > _OLDEST_S:
            age_s = 0.0
        took_s = time.monotonic() - self._began_s
        self._meter.worked(self._stage, self._event.message.topic, self._records, took_s, age_s)


def attended(app: Any, stage: str, event: Any) -> Any:
    """The event, with its acknowledgement measured where the app has a meter."""
    meter: Meter | None = getattr(app, "meter", None)
    return event if meter is None else Attended(event, stage, meter)


def _count(records: Sequence[Any]) -> int:
    if len(records) and isinstance(records[0], Chunk):
        return sum(chunk.count for chunk in records)
    return len(records)
