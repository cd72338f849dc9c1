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
        """Those that came first and hold so many alerts together, at least one; and how many these are.

        Void ones are left out, and forgotten: their records come again.
        """
        taken = 0
        events: list[Any] = []
        while self._events and (not taken or taken + self._events[0][1] <= most):
            event, alerts = self._events.pop(0)
            self.alerts -= alerts
            if not event.value.void:
                events.append(event)
                taken += alerts
        return events, taken
