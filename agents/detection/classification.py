"""From clues to a statement: which kind of trouble, how sure, within which bounds, resting on which data.

Confidence begins with how much speaks for the leading kind and how much against it, and falls for what is missing,
never under 0.1:
- 0.3 where the kind's *primary* metrics did not speak: those that measure its cause. A cascade's cause is not measured here but
  named by alerts (`upstream`), so it has none to miss;
- 0.2 where its *secondary* metrics did not speak: those that measure its effects (latency, errors, traffic);
- 0.4 where fewer than two sources spoke: each reporter of alerts (`Alert.source`) is one, metrics are one.

The bounds' width is the data's quality, on its own scale: 1, less 0.2 without logs, 0.15 without metrics,
0.1 without traces, 0.05 for stale data (over 30 s old when it arrived), 0.1 for anything else (over a tenth of the
alerts late; more fingerprints than are remembered; a clock over 5 s ahead). The bounds are the confidence ± half of what
is missing. Detection reads neither logs nor traces, so they are always missing here, and said to be: diagnosis narrows the
bounds, not detection. "Did not speak" means: told of no anomaly.
"""

import math
from collections.abc import Iterable, Set
from dataclasses import dataclass

from agents.detection.clues import Clue
from agents.series.metric_names import Family
from schemas.records.analysis import DataQuality
from schemas.records.vocabulary import Classification, Millis

FLOOR = 0.1
MOST = 0.95  # detection alone is never surer
_STALE_S, _LATE_SHARE, _SKEWED_S = 30.0, 0.1, 5.0
_SWITCH = 1.5  # another kind leads when this much more speaks for it, so that a near tie does not flap
_LEAST_WEIGHT = 1.0
# What a cause brings with it is no cause of its own (Pearl, J. (1988), Probabilistic Reasoning in Intelligent Systems: explaining
# away): where so much speaks for the cause, what speaks for its symptom counts a quarter.
_SURE_CAUSE, _EXPLAINED = 2.0, 0.25
_BRINGS: dict[Classification, frozenset[Classification]] = {
    Classification.DEPLOYMENT_REGRESSION: frozenset({Classification.RESOURCE_EXHAUSTION, Classification.NETWORK}),
    Classification.DDOS: frozenset({Classification.RESOURCE_EXHAUSTION, Classification.NETWORK}),
    Classification.CASCADE: frozenset({Classification.RESOURCE_EXHAUSTION, Classification.NETWORK}),
    Classification.DATABASE_FAILURE: frozenset({Classification.RESOURCE_EXHAUSTION}),
    Classification.MEMORY_LEAK: frozenset({Classification.RESOURCE_EXHAUSTION}),
}

_EFFECTS = frozenset({Family.LATENCY, Family.ERRORS, Family.TRAFFIC})
_PRIMARY: dict[Classification, frozenset[Family]] = {
    Classification.MEMORY_LEAK: frozenset({Family.MEMORY}),
    Classification.RESOURCE_EXHAUSTION: frozenset({Family.MEMORY, Family.CPU, Family.DISK, Family.CONNECTIONS}),
    Classification.DATABASE_FAILURE: frozenset({Family.DATABASE, Family.CONNECTIONS}),
    Classification.DDOS: frozenset({Family.TRAFFIC}),
    Classification.DEPLOYMENT_REGRESSION: frozenset({Family.ERRORS, Family.LATENCY}),
    Classification.NETWORK: frozenset({Family.NETWORK}),
    Classification.UNKNOWN: frozenset(Family),
    Classification.CASCADE: frozenset(),
}
_MISSING_COST = {"logs": 0.2, "metrics": 0.15, "traces": 0.1, "fresh data": 0.05}
_OTHER_COST = 0.1


@dataclass(frozen=True, slots=True)
class Basis:
    """What a statement rests on: which metrics and reporters of alerts spoke, and how good their data is."""

    families: Set[Family]
    reporters: Iterable[str]
    stale_s: float = 0.0
    late_share: float = 0.0
    overflowed: bool = False
    skew_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A classification with its confidence, the confidence's bounds, and the quality of the data behind it."""

    classification: Classification
    confidence: float
    low: float
    high: float
    quality: DataQuality


def classify(clues: Iterable[Clue], basis: Basis, now: Millis, current: Classification | None = None) -> Verdict:
    """The statement of these clues at `now` (epoch ms of event time); `current` is kept unless another kind clearly leads."""
    weights = _explained({clue.classification: clue.weight_at(now) for clue in clues})
    kind = _leader(weights, current)
    quality = _quality(basis)
    confidence = max(FLOOR, _strength(weights, kind) - _penalty(kind, basis))
    half_width = quality.missing_share / 2
    return Verdict(kind, confidence, max(0.0, confidence - half_width), min(1.0, confidence + half_width), quality)


def _explained(weights: dict[Classification, float]) -> dict[Classification, float]:
    """The weights, those of symptoms less where their cause is clear."""
    sure = [kind for kind, weight in weights.items() if weight >= _SURE_CAUSE]
    brought = {symptom for cause in sure for symptom in _BRINGS.get(cause, ())}
    return {kind: weight * (_EXPLAINED if kind in brought else 1.0) for kind, weight in weights.items()}


def _leader(weights: dict[Classification, float], current: Classification | None) -> Classification:
    leader = max(weights, key=lambda kind: (weights[kind], kind), default=Classification.UNKNOWN)
    if current is None or current is Classification.UNKNOWN:
        return leader if weights.get(leader, 0.0) >= _LEAST_WEIGHT else Classification.UNKNOWN
    clearly = weights.get(leader, 0.0) >= max(_LEAST_WEIGHT, _SWITCH * weights.get(current, 0.0))
    return leader if clearly else current


def _strength(weights: dict[Classification, float], kind: Classification) -> float:
    """From 0.5 for a mere hint to 0.95 for much that speaks for it and nothing that speaks against it."""
    if kind is Classification.UNKNOWN:
        return 0.3
    weight, total = weights.get(kind, 0.0), sum(weights.values())
    share = weight / total if total > 0 else 0.0
    return MOST - (MOST - 0.5) * max(math.exp(-weight), 1 - share)


def _penalty(kind: Classification, basis: Basis) -> float:
    primary = _PRIMARY[kind]
    secondary = _EFFECTS - primary
    sources = len(set(basis.reporters)) + bool(basis.families)
    return (
        (0.3 if primary and not primary & basis.families else 0.0)
        + (0.2 if secondary and not secondary & basis.families else 0.0)
        + (0.4 if sources < 2 else 0.0)
    )


def _quality(basis: Basis) -> DataQuality:
    spoke = sorted(set(basis.reporters)) + (["metrics"] if basis.families else [])
    missing = ["logs", "traces"]
    missing += [] if basis.families else ["metrics"]
    missing += ["fresh data"] if basis.stale_s > _STALE_S else []
    missing += ["punctual alerts"] if basis.late_share > _LATE_SHARE else []
    missing += ["fingerprints beyond the limit"] if basis.overflowed else []
    missing += ["clocks that agree"] if basis.skew_s > _SKEWED_S else []
    share = sum(_MISSING_COST.get(what, _OTHER_COST) for what in missing)
    return DataQuality(
        sources=spoke, missing=missing, stale_s=basis.stale_s, late_share=basis.late_share,
        missing_share=min(1.0, share), skew_s=basis.skew_s)  # fmt: skip
