"""What comes in a rhythm is expected: a job's spike every night is told of three times, and then only if it is worse.

A told event whose gap to an earlier one is also the gap from that one to one before, and from there to one before that, is the
fourth beat of a rhythm of any period: it is told only where it is worse than the weakest of the three. Source: the search
for partial periods in event sequences (Ma and Hellerstein 2001, "Mining partially periodic event patterns with unknown periods",
ICDE), here of the last 32 events alone, so that it is bounded. A seasonal profile cannot know such a thing: it knows the
periods of a calendar, and takes a spike that drifts through the day for noise.
"""

from array import array

_EVENTS = 32
_FROM = 2.0  # weaker surprises are no events: below the score of 0.75
_BEATS = 3
_TOLERANCE = 0.03  # of the period
_MARGIN = 0.6


class Rhythm:
    """The last events of a series. About 0.5 kB."""

    __slots__ = ("_scores", "_times")

    def __init__(self) -> None:
        self._times = array("d")
        self._scores = array("d")

    def step(self, score: float, at_s: float) -> float:
        """The score (a surprise) at a time (epoch seconds), or 0 if a rhythm had it come; then learn it."""
        if score <= _FROM:
            return score
        usual = 0.0
        for then, last in zip(self._times, self._scores, strict=True):
            if then < at_s:
                usual = max(usual, min(last, self._earlier(at_s, at_s - then)))
        if len(self._times) == _EVENTS:
            del self._times[0], self._scores[0]
        self._times.append(at_s)
        self._scores.append(score)
        return 0.0 if usual > 0.0 and score <= usual + _MARGIN else score

    def _earlier(self, at_s: float, period_s: float) -> float:
        """The weakest of the beats of this period before the last one; 0 where one is missing."""
        weakest = float("inf")
        for beat in range(2, _BEATS + 1):
            # The error of a period adds up over its beats.
            found = self._near(at_s - beat * period_s, _TOLERANCE * period_s * beat / 2)
            if not found:
                return 0.0
            weakest = min(weakest, found)
        return weakest

    def _near(self, at_s: float, within_s: float) -> float:
        """The greatest score about a time; 0 where there is none."""
        least, most = at_s - within_s, at_s + within_s
        found = [score for then, score in zip(self._times, self._scores, strict=True) if least < then < most]
        return max(found) if found else 0.0
