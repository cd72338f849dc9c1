"""How good predictions were: the verified ones, counted by model. No I/O."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from agents.prediction.outcomes import ahead_model
from agents.prediction.verification import Outcome
from schemas.records.analysis import Prediction
from schemas.records.vocabulary import Millis


@dataclass(slots=True)
class ModelScores:
    """One model's: predictions made, what became of those that were verified, how long before the breach hits were said."""

    made: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    squared_errors: float = 0.0
    leads_s: list[float] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The figures as JSON holds them; None for those that nothing was verified for."""
        hit, false, miss = (self.outcomes[kind] for kind in (Outcome.HIT, Outcome.FALSE, Outcome.MISS))
        verified = hit + false + miss
        return {
            "made": self.made,
            "hit": hit,
            "false": false,
            "miss": miss,
            "right": _share(hit, hit + false),
            "foreseen": _share(hit, hit + miss),
            "brier": _share(self.squared_errors, verified),
            "median_lead_s": median(self.leads_s) if self.leads_s else None,
        }


def scores_of(records: Iterable[Prediction], since: Millis = 0) -> dict[str, ModelScores]:
    """The scores by model, and by each further horizon that it gives odds for, of records that happened at or after `since`.

    A record that was published again counts once.
    """
    found: dict[str, ModelScores] = defaultdict(ModelScores)
    seen: set[str] = set()
    for record in records:
        if record.occurred_at < since or record.prediction_id in seen:
            continue
        seen.add(record.prediction_id)
        scores = found[record.model]
        if not record.outcome:
            scores.made += 1
            for horizon_s in map(int, record.odds):
                if horizon_s != record.to_s:
                    found[ahead_model(record.model, horizon_s)].made += 1
            continue
        outcome = Outcome(record.outcome)
        scores.outcomes[outcome] += 1
        scores.squared_errors += record.squared_error
        if outcome is Outcome.HIT and record.breach_in_s is not None:
            scores.leads_s.append(record.breach_in_s)
    return dict(found)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
