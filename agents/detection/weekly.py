"""How busy an incident's alerts usually are at this hour of the week: the busiest window of that hour, over the weeks.

What comes every Monday at three is no news on Monday at three, however silent the last day was. An hour's busiest window is
learned when the hour is over, with a memory of about two months; weeks in which the hour was silent count as zeros. Only hours
that ever had alerts are kept, 168 at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.series.level import Level, decay_of
from schemas.records.vocabulary import Millis

_HOUR_MS = 3_600_000
_HOURS = 168
_DECAY = decay_of(8)  # a week
_LEAST_WEEKS = 1.5  # once is no habit
_MOST_ZEROS = 60  # by then an hour is forgotten


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """One hour: the level of its busiest window, over weeks, and the last week (since 1970) that is in it."""

    level: Level
    week: int


@dataclass(frozen=True, slots=True)
class Weekly:
    """The hours by number (as text, for JSON), and the hour since 1970 that is not over yet, with its busiest window so far."""

    hours: Mapping[str, HourOfWeek] = field(default_factory=dict)
    hour: int = -1
    busiest: int = 0

    def heard(self, window_start: Millis, received: int) -> "Weekly":
        """After the count of a window of event time; one of an hour that is over is too late to matter."""
        hour = window_start // _HOUR_MS
        if hour < self.hour:
            return self
        if hour == self.hour:
            return Weekly(self.hours, hour, max(self.busiest, received))
        return Weekly(self._learned() if self.hour >= 0 else self.hours, hour, received)

    def usual(self, at: Millis) -> Level | None:
        """The level of this hour's busiest windows in earlier weeks; None where too few weeks are known."""
        week, number = divmod(at // _HOUR_MS, _HOURS)
        known = self.hours.get(str(number))
        if known is None:
            return None
        level = _silent(known, week).level
        return level if level.n >= _LEAST_WEEKS else None

    def _learned(self) -> Mapping[str, HourOfWeek]:
        week, number = divmod(self.hour, _HOURS)
        known = self.hours.get(str(number))
        level = _silent(known, week).level if known is not None else Level()
        return {**self.hours, str(number): HourOfWeek(level.learned(float(self.busiest), _DECAY), week)}


def _silent(known: HourOfWeek, week: int) -> HourOfWeek:
    """The hour with the weeks before `week` in which nothing came."""
    level = known.level
    for _ in range(min(week - known.week - 1, _MOST_ZEROS)):
        level = level.learned(0.0, _DECAY)
    return HourOfWeek(level, max(known.week, week - 1))
