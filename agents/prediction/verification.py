"""What became of a series' predictions: hit, false or miss, and by how much the probability was off.

A prediction is judged by what its series does within its horizon, also where it was taken back meanwhile: it was said. A
breach begins where the series was not at its level for a horizon; one that nothing stood for is a miss, with the probability that
was given to it just before.
"""

from dataclasses import dataclass
from enum import StrEnum

from schemas.records.vocabulary import Millis
from state.changed import changed


class Outcome(StrEnum):
    """What a prediction came to; `miss`: there was none, and a breach."""

    HIT = "hit"
    FALSE = "false"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Standing:
    """A prediction whose horizon is not over."""

    prediction_id: str
    probability: float
    made_at: Millis


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it ended: which prediction (None: a miss), when the word of it was given, and (probability - came)²."""

    outcome: Outcome
    prediction_id: str
    probability: float
    made_at: Millis
    squared_error: float


@dataclass(frozen=True, slots=True)
class Verification:
    """What is remembered of a series: what stands, when it was last at its level, and the odds that were last given."""

    standing: Standing | None = None
    breached_at: Millis | None = None
    odds: float = 0.0

    def judged(self, at: Millis, breached: bool, horizon_ms: Millis) -> tuple["Verification", Verdict | None]:
        """After a value of event time `at`: is it at or over the level, and what does that decide?"""
        standing, last = self.standing, self.breached_at
        if standing is not None and at - standing.made_at > horizon_ms:
            # A breach that is seen only now came later than was said: the prediction was false, and this one is missed below.
            return changed(self, standing=None), _verdict(Outcome.FALSE, standing)
        if not breached:
            return self, None
        after = changed(self, standing=None, breached_at=at if last is None else max(last, at))
        if standing is not None:
            return after, _verdict(Outcome.HIT, standing)
        if last is None or at - last > horizon_ms:
            return after, _verdict(Outcome.MISS, Standing("", self.odds, at))
        return after, None

    def foretold(self, odds: float) -> "Verification":
        """After the odds of a breach were computed anew."""
        return changed(self, odds=odds)

    def made(self, prediction_id: str, probability: float, at: Millis, horizon_ms: Millis) -> "Verification":
        """After a breach was foretold. Of those that stand the first is judged; while a breach is on, none."""
        on = self.breached_at is not None and at - self.breached_at <= horizon_ms
        if self.standing is not None or on:
            return self
        return changed(self, standing=Standing(prediction_id, probability, at))


def _verdict(outcome: Outcome, of: Standing) -> Verdict:
    came = 0.0 if outcome is Outcome.FALSE else 1.0
    return Verdict(outcome, of.prediction_id, of.probability, of.made_at, (of.probability - came) ** 2)
