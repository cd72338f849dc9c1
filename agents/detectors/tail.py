"""How rare a statistic is among those of its own series: the empirical tail with a Pareto end, in decimal orders of magnitude.

The bins are quarter octaves, so two series that differ in scale differ by a shift alone. A value beyond all that was seen
is as rare as the rule of succession says (Laplace 1814), and rarer by the square of how far it is beyond: the tail of a
Pareto distribution with index 2, heavier than the data's as a rule, so that a record by a hair is no news (after Siffer et
al. 2017, "Anomaly detection in streams with extreme value theory", which fits the index; a few points cannot).
"""

from array import array
from math import log2, log10

BINS = 96
_LEAST = 2.0**-12  # statistics are ratios to what is usual: below this one is none
_PER_OCTAVE = 4
_OFFSET = 12 * _PER_OCTAVE
_FULL = 65_535  # then all counts are halved: the past fades by half
_ANEW = 255
_FADE = 0.9999  # of the largest seen, a point: what was extreme a month of points ago is no measure


class Tail:
    """The distribution of one statistic (>= 0) on one series. About 0.4 kB."""

    __slots__ = ("_common", "_counts", "_most", "_top", "_total")

    def __init__(self) -> None:
        self._counts = array("H", bytes(2 * BINS))
        self._total = 0
        self._common = 0  # a bin at or below the median
        self._top = 0  # no bin above it was ever filled
        self._most = 0.0

    def rarity(self, statistic: float, every: float = 1.0) -> float:
        """-log10 of the share of points with a greater statistic; then learn it. 0 for the first.

        `every`: of so many points one has the statistic at all.
        """
        place = int(log2(statistic + _LEAST) * _PER_OCTAVE) + _OFFSET
        if place >= BINS:
            place = BINS - 1
        counts, total, most = self._counts, self._total, self._most
        here = counts[place]
        found = 0.0
        # Below the median nothing is rare: half of the points need no sum. What the median was is looked up again now and then.
        if total and place >= self._common:
            beyond = sum(counts[place + 1 : self._top + 1]) if place < self._top else 0
            above = beyond + 0.5 * here + 0.5
            if above <= total:
                found = log10((total + 1) * every / above)
            if statistic > most > 0:
                found += 2.0 * log10(statistic / most)
            if 2.0 * above > total:
                self._common = place
        if not total & _ANEW:
            self._common = 0
        if here == _FULL:
            self._halve()
            here = counts[place]
        counts[place] = here + 1
        self._top = max(self._top, place)
        self._total += 1
        most *= _FADE
        self._most = statistic if statistic > most else most
        return found

    def _halve(self) -> None:
        for place, count in enumerate(self._counts):
            self._counts[place] = count >> 1
        self._total = sum(self._counts)
