"""What is about to breach, and how the last predictions turned out, by the prediction stages' own records. Bounded, no I/O.

A prediction that is likely, or that its model's own bar warns of, stands until it is taken back, its time is over, or its
outcome is told: `hit`, `false`, or `miss`, a breach that nothing was said of.
"""

from collections import OrderedDict
from typing import Any

from agents.prediction.outcomes import is_ahead
from schemas.records.analysis import Prediction
from schemas.records.vocabulary import Millis

_MOST_SERIES = 5_000
_MOST_SETTLED = 200
_SHOWN, _SHOWN_SETTLED = 100, 50
OUTCOMES = ("hit", "false", "miss")

Key = tuple[str, str]  # series, model


class PredictionsSeen:
    """Fed with predictions and outcomes in the order of the log.

    Args:
        threshold: from which probability a breach is foretold; one below it takes back what was.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._standing: OrderedDict[Key, Prediction] = OrderedDict()
        self._settled: OrderedDict[str, Prediction] = OrderedDict()
        self._counts = dict.fromkeys(OUTCOMES, 0)

    def take(self, record: Prediction) -> None:
        """A prediction, one that takes back what stands of its series, or an outcome."""
        key = (record.series, record.model)
        if is_ahead(record):
            return  # the prediction's own horizon has an outcome of its own
        if record.outcome:
            self._settle(key, record)
            return
        self._standing.pop(key, None)
        if record.probability >= self._threshold or record.warned:
            self._standing[key] = record
            if len(self._standing) > _MOST_SERIES:
                self._standing.popitem(last=False)

    def view(self, now: Millis) -> dict[str, Any]:
        """As the API shows it: what stands, the likeliest first; the last that are settled; and their counts."""
        over = [key for key, one in self._standing.items() if now > one.occurred_at + one.to_s * 1000]
        for key in over:
            del self._standing[key]
        standing = sorted(self._standing.values(), key=lambda one: -one.probability)
        return {
            "at": now,
            "standing": [_view(one) for one in standing[:_SHOWN]],
            "settled": [_settled_view(one) for one in list(reversed(self._settled.values()))[:_SHOWN_SETTLED]],
            "counts": dict(self._counts),
        }

    def _settle(self, key: Key, record: Prediction) -> None:
        if record.prediction_id in self._settled:
            return  # published again after a crash
        self._standing.pop(key, None)
        self._counts[record.outcome] = self._counts.get(record.outcome, 0) + 1
        self._settled[record.prediction_id] = record
        if len(self._settled) > _MOST_SETTLED:
            self._settled.popitem(last=False)


def _view(made: Prediction) -> dict[str, Any]:
    breach_at = None if made.breach_in_s is None else made.occurred_at + int(made.breach_in_s * 1000)
    return {
        **_common(made), "made_at": made.occurred_at, "from_s": made.from_s, "to_s": made.to_s,
        "breach_in_s": made.breach_in_s, "breach_at": breach_at, "trend_per_min": made.trend_per_min, "odds": made.odds,
        "warned": made.warned,
    }  # fmt: skip


def _settled_view(told: Prediction) -> dict[str, Any]:
    return {
        **_common(told), "outcome": told.outcome, "of": told.of, "made_at": told.made_at, "told_at": told.occurred_at,
        "to_s": told.to_s, "breached_after_s": told.breach_in_s,
    }  # fmt: skip


def _common(one: Prediction) -> dict[str, Any]:
    return {
        "prediction_id": one.prediction_id, "incident_id": one.incident_id, "tenant": one.tenant, "service": one.service,
        "series": one.series, "metric": one.metric, "probability": one.probability, "level": one.level, "value": one.value,
        "model": one.model,
    }  # fmt: skip
