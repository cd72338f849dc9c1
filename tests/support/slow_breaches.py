"""Labelled slow breaches as prediction hears of them: leaks, disks that fill, seasonal peaks, and series that come near and turn.

`python -m tests.support.slow_breaches --each 40 --seed 0` prints how often predictions were right and how early; with `--daily`
of loads of a week, with a peak a day.
A point a minute. Only the seed decides.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median

from agents.prediction.forecasts_stage import MODEL, ForecastsStage
from agents.prediction.verification import Outcome
from ops.prediction_scores import scores_of
from schemas.records.analysis import Prediction
from streams.stage import Position, Received
from streams.topics import METRICS
from tests.support.signals import NOW, points

LEVEL = 0.9
_STEP_MS = 60_000


def memory_leak(dice: random.Random) -> list[float]:
    """Calm for one to three hours, then memory that is not given back, for two to five hours until it is full; noise on top."""
    calm, lasts = dice.randrange(60, 180), dice.randrange(120, 300)
    start, noise = dice.uniform(0.2, 0.5), dice.uniform(0.002, 0.01)
    rise = (0.97 - start) / lasts
    return [_held(start + max(0, i - calm) * rise + dice.gauss(0, noise)) for i in range(calm + lasts + 10)]


def sawtooth_leak(dice: random.Random) -> list[float]:
    """A leak under a garbage collector: every few minutes some is given back, less each time."""
    calm, lasts, every = dice.randrange(60, 120), dice.randrange(180, 300), dice.randrange(4, 9)
    start, swing = dice.uniform(0.25, 0.45), dice.uniform(0.01, 0.03)
    rise = (0.97 - start) / lasts
    return [
        _held(start + max(0, i - calm) * rise + swing * (i % every) / every + dice.gauss(0, 0.003))
        for i in range(calm + lasts + 10)
    ]


def filling_disk(dice: random.Random) -> list[float]:
    """A log that is written faster and faster: from 60 to 80 % to full in three to eight hours."""
    lasts, start, bend = dice.randrange(180, 480), dice.uniform(0.6, 0.8), dice.uniform(1.0, 1.5)
    calm = dice.randrange(60, 120)
    return [
        _held(start + (0.96 - start) * (max(0, i - calm) / lasts) ** bend + dice.gauss(0, 0.001))
        for i in range(calm + lasts + 10)
    ]


def seasonal_peak(dice: random.Random) -> list[float]:
    """A load that rises for hours to a peak over the level, and falls again."""
    half, base, top = dice.randrange(150, 300), dice.uniform(0.3, 0.45), dice.uniform(0.95, 1.05)
    return [
        base + (top - base) * math.sin(math.pi * i / (2 * half)) ** 2 + dice.gauss(0, 0.008) for i in range(2 * half)
    ]


def near_miss(dice: random.Random) -> list[float]:
    """A load that rises for hours to a peak below the level, and falls again: nothing breaches."""
    half, base, top = dice.randrange(150, 300), dice.uniform(0.3, 0.45), dice.uniform(0.6, 0.8)
    return [
        base + (top - base) * math.sin(math.pi * i / (2 * half)) ** 2 + dice.gauss(0, 0.008) for i in range(2 * half)
    ]


def daily_peak(dice: random.Random) -> list[float]:
    """A week of a load with a peak over the level every day."""
    return _week(dice, lambda: dice.uniform(0.96, 1.04))


def daily_below(dice: random.Random) -> list[float]:
    """A week of a load with a peak below the level every day."""
    return _week(dice, lambda: dice.uniform(0.78, 0.84))


def daily_either(dice: random.Random) -> list[float]:
    """A week of a load that breaches on some days."""
    return _week(dice, lambda: dice.choice([dice.uniform(0.94, 1.0), dice.uniform(0.75, 0.85)]))


def _week(dice: random.Random, top_of: Callable[[], float]) -> list[float]:
    base, half, middle = dice.uniform(0.3, 0.4), dice.randrange(240, 360), dice.randrange(400, 1000)
    values: list[float] = []
    for _ in range(7):
        top = top_of()
        hump = [max(0.0, 1 - abs(minute - middle) / half) for minute in range(1440)]
        values += [base + (top - base) * math.sin(math.pi * at / 2) ** 2 + dice.gauss(0, 0.008) for at in hump]
    return values


DAILY: dict[str, Callable[[random.Random], list[float]]] = {
    made.__name__: made for made in (daily_peak, daily_below, daily_either)
}
KINDS: dict[str, Callable[[random.Random], list[float]]] = {
    made.__name__: made for made in (memory_leak, sawtooth_leak, filling_disk, seasonal_peak, near_miss)
}


def _held(value: float) -> float:
    return min(1.0, max(0.0, value))


@dataclass(slots=True)
class Scores:
    """What became of predictions, by kind of series; leads in s, of hits."""

    outcomes: dict[str, dict[Outcome, int]] = field(default_factory=dict)
    leads_s: list[float] = field(default_factory=list)
    aside: list[Prediction] = field(default_factory=list)  # outcomes of the odds for 15 and 90 minutes

    def total(self, outcome: Outcome) -> int:
        """Over all kinds."""
        return sum(by_outcome[outcome] for by_outcome in self.outcomes.values())

    @property
    def right(self) -> float:
        """Hits among the predictions that were verified."""
        hits = self.total(Outcome.HIT)
        return hits / max(1, hits + self.total(Outcome.FALSE))

    @property
    def foreseen(self) -> float:
        """Hits among the breaches."""
        hits = self.total(Outcome.HIT)
        return hits / max(1, hits + self.total(Outcome.MISS))


def scores(each: int, seed: int, kinds: dict[str, Callable[[random.Random], list[float]]] = KINDS) -> Scores:
    """What the stage's own verification says of its predictions on `each` series of every kind."""
    found = Scores()
    for kind, make in kinds.items():
        counted = found.outcomes[kind] = dict.fromkeys(Outcome, 0)
        for number in range(each):
            for told in _said_of(make(random.Random(f"{kind}-{seed + number}"))):
                if told.model != MODEL:
                    found.aside.append(told)
                    continue
                if told.outcome:
                    counted[Outcome(told.outcome)] += 1
                if told.outcome == Outcome.HIT:
                    found.leads_s.append(told.breach_in_s or 0.0)
    return found


def _said_of(values: list[float]) -> Iterator[Prediction]:
    """What the stage publishes of a series."""
    stage = ForecastsStage()
    state = stage.initial("")
    for offset, point in enumerate(points(values, since=NOW, step_ms=_STEP_MS)):
        step = stage.decide(state, Received(point, Position(METRICS.name, 0, offset, point.occurred_at)))
        state = step.state or state
        yield from (output.record for output in step.outputs)


def main() -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=40, help="series of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--daily", action="store_true", help="loads of a week in place of single rises")
    asked = parser.parse_args()
    found = scores(asked.each, asked.seed, DAILY if asked.daily else KINDS)
    for kind, counted in found.outcomes.items():
        print(f"{kind:16}" + ", ".join(f"{outcome} {n}" for outcome, n in counted.items()))
    for model, further in sorted(scores_of(found.aside).items()):
        print(model, {name: figure for name, figure in further.document().items() if name != "made"})
    print(f"right {found.right:.3f}, foreseen {found.foreseen:.3f}, median lead {median(found.leads_s) / 60:.1f} min")


if __name__ == "__main__":
    main()
