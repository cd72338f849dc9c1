"""The last gate before an action: what forbids it, and what forbids it only as long as no person has approved it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agents.resolution.plan import estimated_cost
from agents.resolution.targets import Target
from schemas.records.command import Decision
from schemas.records.vocabulary import Action, Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningLimits:
    """Most money an automatic action may cost; oldest evidence it may rest on; how often an action may help within which
    time, before it is taken for one that does not last; how long is waited. Times are in seconds."""

    budget: float = 1_000.0
    stale_evidence_s: float = 120.0
    most_repeats: int = 2
    repeats_within_s: float = 900.0
    # A decision to wait has failed by then.
    noop_limit_s: float = 300.0
    # The executor gives up at 300 s; the rest is for a restart of its worker.
    outcome_limit_s: float = 420.0
    # How long a plan waits for a person: as long as what it rests on tells of the present.
    approval_s: float = 900.0


def forbidden(
    decision: Decision, target: Target | None, *, failed: Collection[Action], declined: Collection[Action]
) -> str:
    """Why a decision may not be carried out at all, whoever approves, as a sentence; empty where it may.

    Args:
        decision: with an action that does something.
        target: what may be acted on by its name; None where nothing may.
        failed, declined: actions that did not help, and that a person refused, in this episode.
    """
    what = f"{decision.action} on {decision.target}"
    if target is None:
        return f"{what} is not possible: no target {decision.target} in {decision.environment} is in targets.json."
    if not target.allows(decision.action):
        return f"{what} is not among the actions that targets.json allows for it."
    if decision.action in failed:
        return f"{what} was tried in this episode and did not help."
    if decision.action in declined:
        return f"{what} was refused by a person in this episode."
    return ""


def unapproved(
    decision: Decision, target: Target, *, helped: Sequence[Action], limits: PlanningLimits, now: Millis
) -> str:
    """Why a decision needs a person's approval though it is autonomous, as a sentence; empty where it does not.

    Args:
        helped: actions that helped in earlier episodes, within `repeats_within_s`, each as often as it did.
        limits: the operator's numbers.
        now: when the decision arrived.
    """
    what = f"{decision.action} on {decision.target}"
    if helped.count(decision.action) >= limits.most_repeats:
        return (
            f"{what} helped {helped.count(decision.action)} times within {limits.repeats_within_s / 60:.0f} minutes, and "
            "the trouble came back each time: it does not last."
        )
    if target.risk == "high":
        return f"{what} is of high risk by targets.json and needs a human's approval."
    return _too_dear(what, decision, target, limits) or _stale(what, decision, limits, now)


def _too_dear(what: str, decision: Decision, target: Target, limits: PlanningLimits) -> str:
    cost = estimated_cost(decision.action, target)
    if cost <= limits.budget:
        return ""
    return f"{what} would cost {cost:,.0f}, more than the budget of {limits.budget:,.0f} for one action."


def _stale(what: str, decision: Decision, limits: PlanningLimits, now: Millis) -> str:
    age_s = (now - decision.evidence_at) / 1000
    if age_s <= limits.stale_evidence_s:
        return ""
    return f"{what} rests on evidence {age_s:.0f} s old; over {limits.stale_evidence_s:.0f} s it is stale."
