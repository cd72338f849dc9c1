"""Batches of one partition that wait to be worked through: what has gathered is worked through as one.

The steps of a batch cost some two milliseconds however few alerts it holds, and a busy log is fetched fifty times a second.
"""

from typing import Any

from streams.apps import SAMPLED_AT_ONCE


class Gathering:
    """Events in their order; `alerts` are those in all of them."""

    def __init__(self) -> None:
        self._events: list[tuple[Any, int]] = []
        self.alerts = 0

    def add(self, event: Any) -> None:
        """One more, behind the others."""
        alerts = sum(getattr(record, "count", 1) for record in event.value.records)
        self._events.append((event, alerts))
        self.alerts += alerts

    def holds(self, event: Any) -> bool:
        """Whether it still waits."""
        return any(one is event for one, _ in self._events)

    def drop(self, event: Any) -> None:
        """It waits no longer."""
        at = next(at for at, (one, _) in enumerate(self._events) if one is event)
        self.alerts -= self._events.pop(at)[1]

    def take(self, most: int = SAMPLED_AT_ONCE) -> tuple[list[Any], int]:
        """Those that came first and hold so many alerts together, at least one; and how many these are."""
        count = taken = 0
        for _, alerts in self._events:
            if count and taken + alerts > most:
                break
            count, taken = count + 1, taken + alerts
        events = [event for event, _ in self._events[:count]]
        del self._events[:count]
        self.alerts -= taken
        return events, taken
