"""Which incidents are due to be looked at although no alert of theirs came. Pure."""

import heapq

from schemas.records.vocabulary import Millis


class Deadlines:
    """One deadline an incident; the latest that was set holds.

    Deadlines are mostly put off, so the heap keeps one entry an incident, and moves it when it comes up too early.
    """

    def __init__(self) -> None:
        self._due: dict[str, Millis] = {}
        self._heap: list[tuple[Millis, str]] = []
        self._queued: dict[str, Millis] = {}

    def __len__(self) -> int:
        return len(self._due)

    def set(self, incident_id: str, due: Millis) -> None:
        """Look at the incident at `due`, and not before."""
        self._due[incident_id] = due
        if self._queued.get(incident_id, due + 1) > due:
            self._queue(incident_id, due)

    def drop(self, incident_id: str) -> None:
        """The incident need not be looked at."""
        self._due.pop(incident_id, None)

    def passed(self, now: Millis) -> list[str]:
        """The incidents whose deadline is before `now`; they have none any more."""
        found = []
        while self._heap and self._heap[0][0] < now:
            queued, incident_id = heapq.heappop(self._heap)
            if self._queued.get(incident_id) != queued:
                continue
            del self._queued[incident_id]
            due = self._due.get(incident_id)
            if due is None:
                continue
            if due >= now:
                self._queue(incident_id, due)
            else:
                del self._due[incident_id]
                found.append(incident_id)
        return found

    def _queue(self, incident_id: str, due: Millis) -> None:
        self._queued[incident_id] = due
        heapq.heappush(self._heap, (due, incident_id))
