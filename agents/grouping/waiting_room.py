"""Puts alerts of many partitions into the order of their times, by waiting a bounded while for those that are behind."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.convert import from_dict, to_dict
from schemas.records.grouping import AlertHeard
from schemas.records.vocabulary import Millis


@dataclass(order=True, slots=True)
class Waiting:
    """One that waits: when it happened; of one time, in the order of their arrival."""

    at: Millis
    number: int
    arrived_at: Millis = field(compare=False)
    alert: AlertHeard = field(compare=False)


@dataclass(slots=True)
class WaitingRoom:
    """A heap by event time; `number` counts all that ever came in."""

    heap: list[Waiting] = field(default_factory=list)
    number: int = 0

    def enter(self, alert: AlertHeard, arrived_at: Millis) -> None:
        """One that has just arrived."""
        self.number += 1
        heapq.heappush(self.heap, Waiting(alert.occurred_at, self.number, arrived_at, alert))

    def leave(self, now: Millis, wait_ms: Millis, most: int, *, thorough: bool = False) -> Iterator[AlertHeard]:
        """Those that have waited, oldest first, and those that are too many.

        One that newcomers from before its time keep back is found where all are looked at (`thorough`): when it has waited
        twice as long, it takes all with it that happened before.
        """
        overdue = -1
        if thorough:
            overdue = max((one.at for one in self.heap if now - one.arrived_at >= 2 * wait_ms), default=-1)
        while self.heap:
            first = self.heap[0]
            if now - first.arrived_at < wait_ms and first.at > overdue and len(self.heap) <= most:
                return
            yield heapq.heappop(self.heap).alert

    def dump(self) -> dict[str, Any]:
        """As JSON holds it."""
        waiting = [[one.number, one.arrived_at, to_dict(one.alert)] for one in sorted(self.heap)]
        return {"number": self.number, "waiting": waiting}


def load(fields: dict[str, Any]) -> WaitingRoom:
    """What `dump` wrote."""
    found = [(number, arrived_at, from_dict(AlertHeard, alert)) for number, arrived_at, alert in fields["waiting"]]
    # Sorted, as it was written: so it is a heap.
    heap = [Waiting(alert.occurred_at, number, arrived_at, alert) for number, arrived_at, alert in found]
    return WaitingRoom(heap, fields["number"])
