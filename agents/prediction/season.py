"""What the time of day does to a series: a mean an hour of the day (UTC), over the days so far; a week's memory.

It learns from looks, several an hour, not from points. Figures are kept to six digits, so that a day of them is 300 bytes where
it is stored; before the first look there are none.
"""

from dataclasses import dataclass

from schemas.records.vocabulary import Millis

_HOUR_MS, _HOURS = 3_600_000, 24
_MOST_LOOKS = 42  # a week of six looks an hour: what is older fades
_LEAST_LOOKS = 7  # every hour was seen on two days


@dataclass(frozen=True, slots=True)
class Season:
    """The hours' means, in the series' unit, and how many looks each rests on; both empty before the first."""

    means: tuple[float, ...] = ()
    looks: tuple[int, ...] = ()

    def learned(self, value: float, at: Millis) -> "Season":
        """The season after a look of event time `at`."""
        hour = at // _HOUR_MS % _HOURS
        means, looks = self.means or (0.0,) * _HOURS, self.looks or (0,) * _HOURS
        count = min(_MOST_LOOKS, looks[hour] + 1)
        mean = float(f"{means[hour] + (value - means[hour]) / count:.6g}")
        return Season((*means[:hour], mean, *means[hour + 1 :]), (*looks[:hour], count, *looks[hour + 1 :]))

    @property
    def known(self) -> bool:
        """Whether there is a day to go by, and a second to tell it from chance."""
        return bool(self.looks) and min(self.looks) >= _LEAST_LOOKS

    def at(self, at: Millis) -> float:
        """What is usual at a time of day: an hour's mean stands for its middle, between two the line holds.

        >>> Season((0.0, 10.0, *(0.0,) * 22), (7,) * 24).at(3_600_000)
        5.0
        """
        hour, part = divmod(at / _HOUR_MS - 0.5, 1.0)
        before, after = self.means[int(hour) % _HOURS], self.means[(int(hour) + 1) % _HOURS]
        return before + (after - before) * part

    def knots(self, at: Millis, horizon_s: float) -> tuple[float, ...]:
        """The times within the horizon, in s from `at`, between which `at()` is straight; the last is the horizon."""
        first_s = ((0.5 - at / _HOUR_MS) % 1.0) * 3600
        turns = (first_s + 3600 * k for k in range(int(horizon_s // 3600) + 1))
        return (*(turn for turn in turns if 0 < turn < horizon_s), horizon_s)
