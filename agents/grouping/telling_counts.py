"""Which of many alerts of one name and service are worth hearing: the first of a second, a worse one, and a count that has grown.

A storm of one condition becomes a few records a second, whatever its rate; each carries how many there were in its minute so
far, so that hearing one twice, or missing one between others, changes no count.
"""

from dataclasses import dataclass

from agents.grouping.busiest import MINUTE_MS

_SECOND_MS = 1000
_GROWN = 1.25  # within a second a count is told again when it has grown by this


@dataclass(slots=True)
class TellingCount:
    """One name on one service, in its present minute of event time: how many, and what was told last."""

    minute: int = -1
    count: int = 0
    second: int = -1
    told: int = 0
    worst: int = -1

    def heard(self, at: int, rank: int) -> int | None:
        """Count an alert of severity `rank` at epoch ms `at`; the minute's count where it is worth telling, else None.

        One of an earlier minute counts for the present one: it was heard in it.
        """
        if at // MINUTE_MS > self.minute:
            self.minute, self.count, self.told, self.worst = at // MINUTE_MS, 0, 0, -1
        self.count += 1
        second = at // _SECOND_MS
        if second <= self.second and rank <= self.worst and self.count < self.told * _GROWN:
            return None
        self.second, self.told, self.worst = max(second, self.second), self.count, max(rank, self.worst)
        return self.count
