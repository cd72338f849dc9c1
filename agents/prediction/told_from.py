"""From which odds a series' breaches are foretold: the least level that was right four times in five, by what was verified of it.

Every candidate is followed as if it were the one in use: odds that pass it are a prediction, judged when its horizon is over. The
operator's threshold is the least and what is used cold; a few made-up outcomes, just right enough, stand for what is not known. A
series whose rises come to nothing is soon foretold only when it is nearly sure; outcomes fade, so it may win its trust back.
"""

from dataclasses import dataclass, replace

from schemas.records.vocabulary import Millis

STEPS = (0.0, 0.25, 0.5, 0.75)  # of the way from the threshold to 1: candidates
RIGHT = 0.8  # the share of predictions that should come true
_MADE_UP = 4.0
_FADE = 0.9  # the last ten outcomes of a candidate count


@dataclass(frozen=True, slots=True)
class ToldFrom:
    """By candidate: since when its prediction stands (epoch ms; None: none), and its fading hits and outcomes."""

    since: tuple[Millis | None, ...] = ()
    hits: tuple[float, ...] = ()
    outcomes: tuple[float, ...] = ()

    def level(self, threshold: float) -> float:
        """The odds from which to foretell now."""
        if not self.outcomes:
            return threshold
        for step, hits, outcomes in zip(STEPS, self.hits, self.outcomes, strict=True):
            if hits + RIGHT * _MADE_UP >= RIGHT * (outcomes + _MADE_UP) - 1e-9:
                return threshold + step * (1 - threshold)
        return threshold + STEPS[-1] * (1 - threshold)

    def judged(self, at: Millis, breached: bool, horizon_ms: Millis) -> "ToldFrom":
        """After a value of event time `at`: every candidate's prediction that is decided is counted."""
        if not any(since is not None and (breached or at - since > horizon_ms) for since in self.since):
            return self
        since, hits, outcomes = list(self.since), list(self.hits), list(self.outcomes)
        for i, began in enumerate(self.since):
            if began is None or not (breached or at - began > horizon_ms):
                continue
            came = at - began <= horizon_ms
            hits[i], outcomes[i] = round(hits[i] * _FADE + came, 4), round(outcomes[i] * _FADE + 1, 4)
            since[i] = None
        return ToldFrom(tuple(since), tuple(hits), tuple(outcomes))

    def given(self, odds: float, at: Millis, threshold: float) -> "ToldFrom":
        """After odds were given while no breach is on: candidates that they pass, and that predict nothing yet, do now."""
        if odds < threshold or (self.since and None not in self.since):
            return self
        none: tuple[Millis | None, ...] = (None,) * len(STEPS)
        since = tuple(
            at if began is None and odds >= threshold + step * (1 - threshold) else began
            for step, began in zip(STEPS, self.since or none, strict=True)
        )
        zero = (0.0,) * len(STEPS)
        return replace(self, since=since, hits=self.hits or zero, outcomes=self.outcomes or zero)
