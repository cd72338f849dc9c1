"""From which probability to warn: the level whose warnings would have been best so far, by verified outcomes.

Every candidate level is followed in parallel, as if it were the one in use: a warning starts at the level and is taken back
below a tenth of it, so it does not flap. Each start is verified by whether a breach follows within the horizon, each breach
by whether a warning stood. The best F1 so far is chosen, with a few made-up outcomes at the start, so that the first does not
decide alone.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

LEVELS = (0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.16, 0.2, 0.25, 0.32, 0.4, 0.5)
TAKEN_BACK = 0.1
_FIRST = LEVELS.index(0.1)
_MADE_UP = 100.0
_BETTER = 0.02  # so much F1 more, and another level is chosen: a change begins and ends many warnings at once


@dataclass(slots=True)
class Standing:
    """The candidates' warnings on one series: bit i says that candidate i warns."""

    now: int = 0
    past: deque[int] = field(
        default_factory=deque
    )  # of the last `horizon` points, 0 where the value was over the level


class WarningLevel:
    """The candidates' tallies over all series."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self._true, self._false, self._foreseen = ([0.0] * len(LEVELS) for _ in range(3))
        self._breaches = 0.0
        self._best = _FIRST

    def warns(self, standing: Standing) -> bool:
        """Whether the best candidate's warning stands on the series."""
        return bool(standing.now >> self._best & 1)

    @property
    def level(self) -> float:
        """The probability from which is warned now."""
        return LEVELS[self._best]

    def follow(self, standing: Standing, probability: float, over: bool) -> int:
        """Let every candidate warn or take back; the bits of those that start now.

        `over`: the value is at or over the level, so there is nothing to warn of.
        """
        begin = hold = 0
        for i, level in enumerate(LEVELS):
            if probability < level * TAKEN_BACK:
                break
            hold |= 1 << i
            if probability >= level:
                begin |= 1 << i
        before = standing.past[-1] if standing.past else 0
        standing.now = begin | (standing.now & hold)
        shown = 0 if over else standing.now
        standing.past.append(shown)
        if len(standing.past) > self.horizon:
            standing.past.popleft()
        return shown & ~before

    def verify_start(self, bits: int, breached: bool) -> None:
        """What became of the warnings that started at a point."""
        tally = self._true if breached else self._false
        i = 0
        while bits:
            if bits & 1:
                tally[i] += 1
            bits >>= 1
            i += 1
        self._choose()

    def verify_breach(self, standing: Standing) -> None:
        """A breach has begun: who had warned of it within the horizon? Call before `follow` of its point."""
        stood = 0
        for bits in standing.past:
            stood |= bits
        self._breaches += 1
        for i in range(len(LEVELS)):
            self._foreseen[i] += stood >> i & 1

    def figures(self) -> list[Any]:
        """The tallies, and which candidate is in use."""
        return [self._true, self._false, self._foreseen, self._breaches, self._best]

    def restore(self, figures: list[Any]) -> None:
        """Put back what `figures` gave."""
        self._true, self._false, self._foreseen = (list(tally) for tally in figures[:3])
        self._breaches, self._best = figures[3], figures[4]

    def _choose(self) -> None:
        found = [self._f1(i) for i in range(len(LEVELS))]
        most = max(found)
        if most >= found[self._best] + _BETTER:
            self._best = found.index(most)

    def _f1(self, i: int) -> float:
        # The made-up outcomes say that the first level is right half the time, its neighbours a little less.
        made_up = _MADE_UP * (0.5 - 0.02 * abs(i - _FIRST))
        precision = (self._true[i] + made_up) / (self._true[i] + self._false[i] + _MADE_UP)
        recall = (self._foreseen[i] + made_up) / (self._breaches + _MADE_UP)
        return 2 * precision * recall / (precision + recall)
