"""The runbook: what usually helps, and what helped here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.resolution.runbook import PRIORS, Remedy, advise, learn
from schemas.records.vocabulary import Action, Classification


def anything(_: Action) -> bool:
    return True


def test_without_evidence_the_prior_table_speaks() -> None:
    """A memory leak of a service that taught nothing yet: restart, as the table says."""
    advice = advise([], Classification.MEMORY_LEAK, failed=[], allowed=anything)
    assert advice is not None
    assert (advice.action, advice.confidence) == (Action.RESTART, 0.75)
    assert "prior table" in advice.rationale


def test_a_cascade_is_waited_for() -> None:
    """The trouble is elsewhere: acting here only adds to it."""
    advice = advise([], Classification.CASCADE, failed=[], allowed=lambda _: False)
    assert advice is not None
    assert advice.action == Action.NOOP


def test_of_the_unknown_it_says_nothing() -> None:
    """An agent that knows nothing abstains."""
    assert advise([], Classification.UNKNOWN, failed=[], allowed=anything) is None


@pytest.mark.parametrize(("healthy", "confidence"), [(True, (1 + 1.5) / 3), (False, 1.5 / 3)])
def test_a_run_moves_the_confidence(healthy: bool, confidence: float) -> None:
    """A verified run raises it, one that was not healthy lowers it, both towards the observed share."""
    runbook = learn([], Classification.MEMORY_LEAK, Action.RESTART, healthy=healthy)
    advice = advise(runbook, Classification.MEMORY_LEAK, failed=[Action.SCALE_UP], allowed=anything)
    assert advice is not None
    assert advice.confidence == pytest.approx(confidence)


def test_an_action_outside_the_table_is_advised_once_verified() -> None:
    """A scale-up that helped against an unknown trouble twice is worth (2 + 1) / 4."""
    runbook: list[Remedy] = []
    for _ in range(2):
        runbook = learn(runbook, Classification.UNKNOWN, Action.SCALE_UP, healthy=True)
    advice = advise(runbook, Classification.UNKNOWN, failed=[], allowed=anything)
    assert advice is not None
    assert (advice.action, advice.confidence) == (Action.SCALE_UP, 0.75)


def test_what_the_target_does_not_allow_is_not_advised() -> None:
    """Resource exhaustion of a service that cannot be scaled: the next best, a restart."""
    advice = advise([], Classification.RESOURCE_EXHAUSTION, failed=[], allowed=lambda action: action != Action.SCALE_UP)
    assert advice is not None
    assert advice.action == Action.RESTART


@given(
    st.lists(st.tuples(st.sampled_from(Action), st.booleans()), max_size=30),
    st.sets(st.sampled_from(Action)),
    st.sampled_from(Classification),
)
def test_never_what_failed_and_never_certain(
    runs: list[tuple[Action, bool]], failed: set[Action], kind: Classification
) -> None:
    """Whatever was learnt, no failed action is advised, nothing unverified outside the table, and no confidence is 0 or 1."""
    runbook: list[Remedy] = []
    for action, healthy in runs:
        runbook = learn(runbook, kind, action, healthy=healthy)
    advice = advise(runbook, kind, failed=failed, allowed=anything)
    if advice is not None:
        assert advice.action not in failed
        assert 0 < advice.confidence < 1
        assert (advice.action, True) in runs or advice.action in PRIORS[kind]
