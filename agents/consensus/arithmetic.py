"""The arithmetic of a vote, exact and independent of the order in which agents speak.

*Participants* are the agents whose recommendation can be counted: not abstaining, with a confidence from 0 to 1, with a weight.
Their recommendations are grouped by action and target. Of an option:
- its score is the sum of weight x confidence of its supporters; the greatest score wins;
- its confidence is the weighted mean of its supporters' confidence;
- its support is its supporters' share of the participants' weight.
Sums are exactly rounded (math.fsum), figures are rounded to 12 digits after the point before they are compared, so that 0.7
meets a gate of 0.7 whatever it was computed from. Ties: greater confidence, then the order of Action, then the target's name.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from agents.consensus.errors import WeightsError
from schemas.records.analysis import Recommendation
from schemas.records.vocabulary import Action, Agent

WEIGHTS: Mapping[Agent, float] = MappingProxyType(
    {Agent.DETECTION: 0.2, Agent.DIAGNOSIS: 0.4, Agent.PREDICTION: 0.3, Agent.RESOLUTION: 0.1}
)
DIGITS = 12
_ACTION_ORDER = {action: nth for nth, action in enumerate(Action)}


@dataclass(frozen=True, slots=True)
class Option:
    """One action on one target, with what speaks for it; `supporters` with the strongest voice first."""

    action: Action
    target: str
    score: float
    confidence: float
    support: float
    supporters: tuple[Recommendation, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """A counted vote: options from the winner down, the participants, and who was set aside and why."""

    options: tuple[Option, ...]
    participants: tuple[Recommendation, ...]
    set_aside: tuple[str, ...]

    @property
    def winner(self) -> Option | None:
        """The option with the greatest score; None where nobody took part."""
        return self.options[0] if self.options else None


def check_weights(weights: Mapping[Agent, float]) -> Mapping[Agent, float]:
    """The weights, if a vote can be counted by them.

    Raises:
        WeightsError: a weight is not a positive finite number, or there is none.
    """
    bad = {str(agent): weight for agent, weight in weights.items() if not (math.isfinite(weight) and weight > 0)}
    if bad or not weights:
        raise WeightsError(
            f"Weights must be positive numbers, one an agent at least; these are not: {bad or 'none given'}."
        )
    return weights


def fault_of(recommendation: Recommendation, weights: Mapping[Agent, float] = WEIGHTS) -> str | None:
    """Why a recommendation cannot be counted, as words; None where it can. An abstention is no fault."""
    if recommendation.agent not in weights:
        return f"{recommendation.agent} has no vote"
    if recommendation.abstains:
        return None
    if not 0.0 <= recommendation.confidence <= 1.0:  # false for NaN too
        return f"{recommendation.agent} has an impossible confidence, {recommendation.confidence}"
    return None


def tally(recommendations: Iterable[Recommendation], weights: Mapping[Agent, float] = WEIGHTS) -> Tally:
    """Count a vote. Of several recommendations of an agent the latest counts (occurred_at, then id)."""
    latest: dict[Agent, Recommendation] = {}
    for each in sorted(recommendations, key=lambda r: (r.occurred_at, r.recommendation_id)):
        latest[each.agent] = each
    voices = [latest[agent] for agent in sorted(latest)]
    faults = tuple(fault for voice in voices if (fault := fault_of(voice, weights)) is not None)
    taking_part = [v for v in voices if not v.abstains and fault_of(v, weights) is None]
    whole = math.fsum(weights[v.agent] for v in taking_part)
    groups: dict[tuple[Action, str], list[Recommendation]] = {}
    for voice in taking_part:
        groups.setdefault((voice.action, voice.target), []).append(voice)
    options = [_option(group, whole, weights) for group in groups.values()]
    return Tally(tuple(sorted(options, key=_rank)), tuple(taking_part), faults)


def strongest_single(counted: Tally, weights: Mapping[Agent, float] = WEIGHTS) -> Recommendation | None:
    """The one recommendation with the greatest weight x confidence; None where nobody took part."""
    return min(counted.participants, key=lambda r: _loudness(r, weights), default=None)


def _option(group: list[Recommendation], whole: float, weights: Mapping[Agent, float]) -> Option:
    score = math.fsum(weights[r.agent] * r.confidence for r in group)
    weight = math.fsum(weights[r.agent] for r in group)
    return Option(
        action=group[0].action,
        target=group[0].target,
        score=round(score, DIGITS),
        confidence=round(score / weight, DIGITS),
        support=round(weight / whole, DIGITS),
        supporters=tuple(sorted(group, key=lambda r: _loudness(r, weights))),
    )


def _rank(option: Option) -> tuple[float, float, int, str]:
    return (-option.score, -option.confidence, _ACTION_ORDER[option.action], option.target)


def _loudness(each: Recommendation, weights: Mapping[Agent, float]) -> tuple[float, float, int, str, str]:
    score = round(weights[each.agent] * each.confidence, DIGITS)
    return (-score, -each.confidence, _ACTION_ORDER[each.action], each.target, each.agent)
