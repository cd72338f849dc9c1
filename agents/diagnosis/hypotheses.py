"""From evidence to competing explanations with confidence.

The rule, in three steps:
1. *Within one kind of source* (alerts, metrics, logs, topology, detection) signals repeat each other: the strongest counts whole,
   each further one half as much as the one before. Between kinds they are taken as independent. Both by noisy-or (Pearl,
   Probabilistic Reasoning in Intelligent Systems, 1988, 4.3): belief = 1 - product of (1 - strength), at most MOST_BELIEF.
2. *Explanations compete*: exactly one is the cause, or none of those known. With belief b the odds against "unknown" are
   b / (1 - b), so confidence = odds / (1 + sum of all odds); what is left is the confidence in an unknown cause. An explanation
   alone keeps its belief as its confidence.
3. *Missing sources* take off confidence, never below LEAST_CONFIDENCE; what they take goes to the unknown. Missing is
   judged for what an explanation can rest on: for an own cause alerts, metrics and logs; for one upstream, where this stage
   does not see logs, alerts and the suspect's metrics.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from agents.diagnosis.evidence import AlertFact
from agents.diagnosis.neighbourhood import Suspect
from agents.diagnosis.signals import (
    Case,
    Signal,
    cause_of,
    named,
    own_signals,
    strongest_first,
    upstream_signals,
)
from schemas.records.analysis import AnomalyKind, Hypothesis
from schemas.records.vocabulary import Classification, Evidence

MOST_BELIEF = 0.97
LEAST_CONFIDENCE = 0.1
# An explanation below this is not named as the cause.
LEAST_NAMED = 0.2
MISSING = {"logs": 0.2, "metrics": 0.15, "alerts": 0.1}
FEWER_THAN_TWO = 0.4
STALE = 0.05
STALE_MS = 60_000
# Evidence of one explanation, the most telling first: enough to follow it, few enough to read.
MAX_EVIDENCE = 12
MAX_RATIONALE = 600


@dataclass(frozen=True, slots=True)
class Explanation:
    """A hypothesis, the suspect where the cause lies upstream, and whether more capacity would help."""

    hypothesis: Hypothesis
    suspect: Suspect | None = None
    load: bool = False


@dataclass(frozen=True, slots=True)
class _Rival:
    """An explanation before it was weighed against the others."""

    service: str
    classification: Classification
    signals: list[Signal]
    belief: float
    suspect: Suspect | None = None


def explain(case: Case) -> list[Explanation]:
    """All explanations that anything speaks for, and the unknown cause; the most likely first."""
    rivals = [*_own(case), *_upstream(case)]
    odds = [rival.belief / (1.0 - rival.belief) for rival in rivals]
    whole = 1.0 + sum(odds)
    found = [_explanation(case, rival, part / whole) for rival, part in zip(rivals, odds, strict=True)]
    rest = max(0.0, 1.0 - sum(e.hypothesis.confidence for e in found))
    found.append(_unknown(case, rest))
    return sorted(found, key=_rank)


def best_of(explanations: Sequence[Explanation]) -> Explanation:
    """The most likely explanation that names a cause, if one is likely enough to be named; else the unknown one."""
    for each in explanations:
        if not is_unknown(each) and each.hypothesis.confidence >= LEAST_NAMED:
            return each
    return next(each for each in explanations if is_unknown(each))


def is_unknown(explanation: Explanation) -> bool:
    """Whether it is the remainder that no known cause explains."""
    return explanation.suspect is None and explanation.hypothesis.classification == Classification.UNKNOWN


def belief(signals: Iterable[Signal]) -> float:
    """How far signals together make an explanation likely, 0 to MOST_BELIEF, whatever their order (step 1)."""
    by_source: dict[str, list[float]] = {}
    for signal in signals:
        by_source.setdefault(signal.source, []).append(signal.sign.strength)
    left = 1.0
    for source in sorted(by_source):
        ordered = sorted(by_source[source], reverse=True)
        left *= prod(1.0 - strength / 2**nth for nth, strength in enumerate(ordered))
    return min(MOST_BELIEF, 1.0 - left)


def _own(case: Case) -> list[_Rival]:
    by_cause: dict[Classification, list[Signal]] = {}
    for signal in own_signals(case):
        by_cause.setdefault(signal.sign.classification, []).append(signal)
    service = case.candidate.service
    return [_Rival(service, cause, strongest_first(s), belief(s)) for cause, s in sorted(by_cause.items())]


def _upstream(case: Case) -> list[_Rival]:
    rivals = []
    for suspect in case.suspects:
        signals = strongest_first(upstream_signals(case, suspect))
        rivals.append(_Rival(suspect.service, cause_of(suspect), signals, belief(signals), suspect))
    return rivals


def _explanation(case: Case, rival: _Rival, share: float) -> Explanation:
    missing = missing_sources(case, rival.suspect)
    confidence = max(share - _penalty(case, missing, rival.suspect), min(share, LEAST_CONFIDENCE))
    return Explanation(
        Hypothesis(
            service=rival.service,
            classification=rival.classification,
            confidence=round(confidence, 6),
            rationale=_rationale(rival, missing),
            evidence=_evidence(rival.signals),
        ),
        rival.suspect,
        any(signal.sign.load for signal in rival.signals),
    )


def missing_sources(case: Case, suspect: Suspect | None) -> tuple[str, ...]:
    """The kinds of source that an explanation could rest on and that said nothing."""
    kinds = case.kinds()
    if suspect is None:
        return tuple(kind for kind in MISSING if kind not in kinds)
    measured = any(fact.kind == AnomalyKind.METRIC for fact in suspect.anomalies)
    return (*(() if measured else ("metrics",)), *(() if "alerts" in kinds else ("alerts",)))


def _penalty(case: Case, missing: tuple[str, ...], suspect: Suspect | None) -> float:
    stale = case.now - case.heard_at > STALE_MS
    alone = suspect is None and len(MISSING) - len(missing) < 2
    return sum(MISSING[kind] for kind in missing) + (FEWER_THAN_TWO if alone else 0.0) + (STALE if stale else 0.0)


def _rationale(rival: _Rival, missing: tuple[str, ...]) -> str:
    said = "; ".join(dict.fromkeys(signal.text for signal in rival.signals))
    where = f"{rival.service}, {rival.suspect.depth} upstream" if rival.suspect else rival.service
    lacking = f" Without {' and '.join(missing)}." if missing else ""
    text = f"{named(rival.classification)} of {where}: {said}"
    return text[: MAX_RATIONALE - len(lacking) - 1] + "." + lacking


def _evidence(signals: list[Signal]) -> list[Evidence]:
    """The records behind signals, none that says what another says.

    Those of the view come first, as nothing else tells later what was seen of it; then the first record of every signal.
    """
    seen = [record for signal in signals if signal.source == "topology" for record in signal.evidence]
    others = [signal.evidence for signal in signals if signal.source != "topology"]
    return _telling([*seen, *(r for found in others for r in found[:1]), *(r for found in others for r in found[1:])])


def _telling(records: Iterable[Evidence]) -> list[Evidence]:
    """The first MAX_EVIDENCE records of different words: of those that say the same, one is enough to follow."""
    told: dict[str, Evidence] = {}
    for record in records:
        told.setdefault(record.summary, record)
    return list(told.values())[:MAX_EVIDENCE]


def _unknown(case: Case, confidence: float) -> Explanation:
    records = [case.guess, *(fact.evidence for fact in case.anomalies)]
    records += [record for alert in case.alerts for record in alert.evidence]
    records += [record for line in case.logs for record in line.evidence]
    names = ", ".join(f.name for f in sorted(case.alerts, key=_loudness)[:3]) or "no alerts"
    return Explanation(
        Hypothesis(
            service=case.candidate.service,
            classification=Classification.UNKNOWN,
            confidence=round(confidence, 6),
            rationale=f"A cause that none of the known explanations covers; heard: {names}.",
            evidence=_telling(records),
        )
    )


def _loudness(fact: AlertFact) -> tuple[int, int, str]:
    return (-fact.severity.rank, -fact.count, fact.name)


def _rank(each: Explanation) -> tuple[float, bool, int, str, str]:
    """Most likely first; of equals a named cause, the nearer, then by name."""
    h = each.hypothesis
    return (-h.confidence, is_unknown(each), each.suspect.depth if each.suspect else 0, h.service, h.classification)
