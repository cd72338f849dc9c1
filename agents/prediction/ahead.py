"""The odds for other horizons than a prediction's own, each verified as it is: hit, false or miss within that many seconds.

A prediction gives them as `odds`. Those that are likely stand until their own horizon is over. What becomes of them is told under
a model's name of their own, so that each horizon has its own Brier score.
"""

from collections.abc import Callable, Mapping

from agents.prediction.outcomes import ahead_model, outcome_of
from agents.prediction.verification import Verification
from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from streams.stage import Output, Position

# How far ahead a prediction gives the odds, beside its own horizon: in closed form, where Monte Carlo would sample.
HORIZONS_S = (900, 1800, 5400)

Ahead = dict[str, Verification]  # by horizon in s, as `odds` are


def others(horizon_s: int) -> tuple[int, ...]:
    """The horizons beside a prediction's own."""
    return tuple(ahead_s for ahead_s in HORIZONS_S if ahead_s != horizon_s)


def made_ahead(ahead: Mapping[str, Verification], made: Prediction, threshold: float) -> Ahead:
    """After a prediction was published: its odds that are likely stand, each for its own horizon."""
    found = dict(ahead)
    for ahead_s in others(made.to_s):
        odds, known = made.odds[str(ahead_s)], ahead.get(str(ahead_s), Verification())
        if odds >= threshold:
            known = known.made(made.prediction_id, odds, made.occurred_at, ahead_s * 1000)
        found[str(ahead_s)] = known
    return found


def judged_ahead(
    ahead: Mapping[str, Verification], point: MetricPoint, position: Position, *, level: float, at_level: bool,
    horizon_s: int, model: str, odds_before: Callable[[int], float],
) -> tuple[Ahead, tuple[Output, ...]]:  # fmt: skip
    """What a value decides of each other horizon, and the records that tell of it.

    `odds_before`: the odds within so many seconds as they were before the value; a breach that none stood for is judged by them.
    """
    if not ahead and not at_level:
        return {}, ()
    found, outputs, at = dict(ahead), [], point.occurred_at
    for ahead_s in others(horizon_s):
        known, horizon_ms, number = ahead.get(str(ahead_s), Verification()), ahead_s * 1000, 0
        if at_level and (known.breached_at is None or at - known.breached_at > horizon_ms):
            known = known.foretold(odds_before(ahead_s))
        known, verdict = known.judged(at, at_level, horizon_ms)
        while verdict is not None:
            outputs.append(
                outcome_of(
                    verdict, point, position, level=level, horizon_s=ahead_s, model=ahead_model(model, ahead_s),
                    number=number, ahead=True,
                )
            )  # fmt: skip
            number += 1
            known, verdict = known.judged(at, at_level, horizon_ms)
        found.pop(str(ahead_s), None)
        if known != Verification():
            found[str(ahead_s)] = known
    return found, tuple(outputs)
