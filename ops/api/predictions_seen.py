"""What is about to breach, and how the last predictions turned out: each held against what its series did. Bounded, no I/O.

A prediction says that a series reaches `level` within `to_s` seconds. It came `true` once a value of that time reaches the
level; it was `false` once the time is over without one, the series having been heard until near its end; `averted`: taken back
because the odds fell, by a remedy or by themselves; `unknown`: nobody heard the series.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

from schemas.records.analysis import Prediction
from schemas.records.intake import MetricPoint
from schemas.records.vocabulary import Millis

_MOST_SERIES = 5_000
_MOST_SETTLED = 200
_SILENCE_MS = 60_000


@dataclass(slots=True)
class _Standing:
    """Warnings of one series within its time are one: it is judged by the first of them, and shown by the newest."""

    first: Prediction
    newest: Prediction
    heard_at: Millis = 0
    value: float = 0.0


class PredictionsSeen:
    """Fed with predictions and with the points of those series that `awaits` names.

    Args:
        threshold: from which probability a breach is foretold; one below it takes back what was.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._standing: OrderedDict[str, _Standing] = OrderedDict()
        self._settled: deque[dict[str, Any]] = deque(maxlen=_MOST_SETTLED)
        self._counts = {"true": 0, "false": 0, "averted": 0, "unknown": 0}

    def prediction(self, made: Prediction) -> None:
        """A prediction, or one that takes back what stands of its series; an outcome is neither."""
        self.settle(made.occurred_at)
        if made.outcome:
            return  # no prediction, but the stage's own word on what became of one
        standing = self._standing.get(made.series)
        if made.probability < self._threshold:
            if standing is not None:
                self._settle(standing, "averted", None)
            return
        if standing is not None:
            standing.newest = made
            return
        self._standing[made.series] = _Standing(made, made, made.occurred_at, made.value)
        if len(self._standing) > _MOST_SERIES:
            self._standing.popitem(last=False)

    def awaits(self, series: str) -> bool:
        """Whether the series' points decide on a prediction."""
        return series in self._standing

    def point(self, point: MetricPoint) -> None:
        """A value of a series."""
        standing = self._standing.get(point.series)
        if standing is None or point.occurred_at < standing.first.occurred_at:
            return
        standing.heard_at, standing.value = max(standing.heard_at, point.occurred_at), point.value
        made = standing.first
        if point.value >= made.level > made.value:
            self._settle(standing, "true", point.occurred_at)

    def settle(self, now: Millis) -> None:
        """Those whose time is over have not come true."""
        for standing in list(self._standing.values()):
            over = standing.first.occurred_at + standing.first.to_s * 1000
            if now > over:
                heard = standing.heard_at >= over - max(_SILENCE_MS, standing.first.to_s * 100)
                self._settle(standing, "false" if heard else "unknown", None)

    def view(self, now: Millis) -> dict[str, Any]:
        """As the API shows it: what stands, the likeliest first; the last that are settled; and their counts."""
        self.settle(now)
        standing = sorted(self._standing.values(), key=lambda one: -one.newest.probability)
        return {
            "at": now,
            "standing": [_view(one.newest, one.value) for one in standing[:100]],
            "settled": list(reversed(self._settled))[:50],
            "counts": dict(self._counts),
        }

    def _settle(self, standing: _Standing, outcome: str, at: Millis | None) -> None:
        del self._standing[standing.first.series]
        self._counts[outcome] += 1
        after_s = None if at is None else round((at - standing.first.occurred_at) / 1000, 1)
        shown = _view(standing.first, standing.value)
        self._settled.append({**shown, "outcome": outcome, "breached_at": at, "breached_after_s": after_s})


def _view(made: Prediction, value: float) -> dict[str, Any]:
    breach_at = None if made.breach_in_s is None else made.occurred_at + int(made.breach_in_s * 1000)
    return {
        "prediction_id": made.prediction_id, "incident_id": made.incident_id, "tenant": made.tenant, "service": made.service,
        "series": made.series, "metric": made.metric, "probability": made.probability, "level": made.level,
        "value": made.value, "value_now": value, "trend_per_min": made.trend_per_min, "made_at": made.occurred_at,
        "from_s": made.from_s, "to_s": made.to_s, "breach_in_s": made.breach_in_s, "breach_at": breach_at, "model": made.model,
    }  # fmt: skip
