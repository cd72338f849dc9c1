"""What an explanation asks to be done, on the incident's own service and nothing else."""

from agents.diagnosis.hypotheses import LEAST_CONFIDENCE, Explanation, is_unknown
from agents.diagnosis.signals import named
from schemas.records.vocabulary import Action, Classification

_ACTIONS = {
    Classification.MEMORY_LEAK: Action.RESTART,
    Classification.DATABASE_FAILURE: Action.RESTART,
    Classification.RESOURCE_EXHAUSTION: Action.RESTART,
    Classification.DDOS: Action.SCALE_UP,
    Classification.DEPLOYMENT_REGRESSION: Action.ROLLBACK,
}


def action_for(explanation: Explanation) -> Action:
    """The remedy: none where the cause lies upstream or is not known; more capacity where load exhausts the service."""
    if explanation.suspect is not None:
        return Action.NOOP
    classification = explanation.hypothesis.classification
    if classification == Classification.RESOURCE_EXHAUSTION and explanation.load:
        return Action.SCALE_UP
    return _ACTIONS.get(classification, Action.NOOP)


def confidence_in(explanation: Explanation) -> float:
    """How sure the remedy is: as sure as its cause, and least sure where the cause is not known."""
    return LEAST_CONFIDENCE if is_unknown(explanation) else explanation.hypothesis.confidence


def root_cause(explanation: Explanation) -> str:
    """The explanation in a few words, such as "checkout: memory leak" or "checkout (upstream): memory leak"."""
    upstream = " (upstream)" if explanation.suspect is not None else ""
    return f"{explanation.hypothesis.service}{upstream}: {named(explanation.hypothesis.classification)}"
