"""What helped before: remedies of a service with how often each was verified healthy, and how often it was not.

The confidence in a remedy is its share of verified runs, smoothed (Laplace) towards what the prior table says of it:
(verified + 2 * prior) / (runs + 2). A remedy that the table does not know has the prior 1/2, the rule of succession.
So one good run of a known remedy raises it, one bad run lowers it, and many runs outweigh the table.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from schemas.records.vocabulary import Action, Classification

# How many runs the prior table counts for.
_PRIOR_RUNS = 2
_UNKNOWN = 0.5

# What usually helps, before this service has taught anything: the share of incidents of the kind that the action ends,
# as an experienced SRE would put it. NOOP: the trouble is elsewhere, acting here only adds to it. Nothing is said of
# UNKNOWN: an agent that knows nothing abstains.
PRIORS: Mapping[Classification, Mapping[Action, float]] = {
    # A restart gives the memory back and buys hours; another instance only shares the load that leaks.
    Classification.MEMORY_LEAK: {Action.RESTART: 0.75, Action.SCALE_UP: 0.4},
    Classification.RESOURCE_EXHAUSTION: {Action.SCALE_UP: 0.65, Action.RESTART: 0.5},
    # Frees connections and locks that are stuck; does nothing for a full disk.
    Classification.DATABASE_FAILURE: {Action.RESTART: 0.6},
    Classification.CASCADE: {Action.NOOP: 0.7},
    Classification.DDOS: {Action.SCALE_UP: 0.6},
    Classification.DEPLOYMENT_REGRESSION: {Action.ROLLBACK: 0.8, Action.RESTART: 0.3},
    Classification.NETWORK: {Action.NOOP: 0.5},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """How an action went on this service in trouble of one kind."""

    classification: Classification
    action: Action
    verified: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """The best remedy that is known, how sure, and why."""

    action: Action
    confidence: float
    rationale: str


def learn(runbook: list[Remedy], classification: Classification, action: Action, *, healthy: bool) -> list[Remedy]:
    """The runbook after one more run of a remedy."""
    known = _find(runbook, classification, action)
    later = Remedy(
        classification=classification,
        action=action,
        verified=known.verified + healthy,
        failed=known.failed + (not healthy),
    )
    return [*(entry for entry in runbook if entry is not known), later]


def advise(
    runbook: list[Remedy],
    classification: Classification,
    *,
    failed: Collection[Action],
    allowed: Callable[[Action], bool],
) -> Advice | None:
    """The remedy with the greatest confidence, of those that were verified here or that the prior table names.

    Args:
        runbook: what this service has taught.
        classification: the kind of trouble.
        failed: actions that did not help in this episode; never advised again.
        allowed: whether the target lets an action be done to it.
    """
    priors = PRIORS.get(classification, {})
    verified = {entry.action for entry in runbook if entry.classification == classification and entry.verified}
    options = [a for a in Action if a in verified or a in priors]
    usable = [a for a in options if a not in failed and (a == Action.NOOP or allowed(a))]
    if not usable:
        return None
    best = max(usable, key=lambda action: _confidence(runbook, classification, action))
    entry = _find(runbook, classification, best)
    return Advice(best, _confidence(runbook, classification, best), _rationale(entry, best in priors))


def _confidence(runbook: list[Remedy], classification: Classification, action: Action) -> float:
    entry = _find(runbook, classification, action)
    prior = PRIORS.get(classification, {}).get(action, _UNKNOWN)
    return (entry.verified + _PRIOR_RUNS * prior) / (entry.verified + entry.failed + _PRIOR_RUNS)


def _find(runbook: list[Remedy], classification: Classification, action: Action) -> Remedy:
    for entry in runbook:
        if entry.classification == classification and entry.action == action:
            return entry
    return Remedy(classification=classification, action=action)


def _rationale(entry: Remedy, prior: bool) -> str:
    kind = entry.classification.lower().replace("_", " ")
    runs = entry.verified + entry.failed
    if runs:
        return f"{entry.action} was verified healthy in {entry.verified} of {runs} runs on this service's {kind}."
    source = "usually helps" if prior and entry.action != Action.NOOP else "waiting is usually right"
    return f"No run on this service yet; by the runbook's prior table {entry.action} for {kind}: {source}."
