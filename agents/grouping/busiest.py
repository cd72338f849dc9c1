"""The busiest minute that something ever had, fading, and whether the present one leaves it far behind."""

import math

MINUTE_MS = 60_000


class Busiest:
    """Counts by minutes of event time; a record minute fades, so that a storm long ago hides no other for ever."""

    __slots__ = ("at", "count", "minute", "record")

    def __init__(self) -> None:
        self.minute = -1
        self.count = 0
        self.record = 0.0
        self.at = -1

    def bursts(self, at: int, count: int, least: int, times: float, fading_ms: float) -> bool:
        """Learn that its minute has come to `count` (0: to one more); whether that makes it a burst.

        It does with `least`, and `times` the record. A count of a minute that is over raises the record, and is no news.
        """
        minute = at // MINUTE_MS
        if minute < self.minute:
            self.record = max(self.record, float(count))
            return False
        if minute > self.minute:
            faded = math.exp(-(at - self.at) / fading_ms) if self.at >= 0 else 1.0
            self.record = max(self.record * faded, float(self.count))
            self.minute, self.count, self.at = minute, 0, at
        before, self.count = self.count, max(self.count, count or self.count + 1)
        return before < max(least, math.ceil(times * self.record)) <= self.count
