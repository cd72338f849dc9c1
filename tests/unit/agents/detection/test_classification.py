"""Classification, confidence, and its bounds, by the arithmetic of missing data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.detection.classification import FLOOR, Basis, classify
from agents.detection.clues import Clue
from agents.series.metric_names import Family
from schemas.records.vocabulary import Classification
from tests.support.signals import NOW

LEAK = (Clue(Classification.MEMORY_LEAK, 50.0, NOW),)
FULL = Basis(families={Family.MEMORY, Family.LATENCY}, reporters=["a"])


def confidence(basis: Basis, clues: tuple[Clue, ...] = LEAK) -> float:
    """The confidence of these clues on this basis."""
    return classify(clues, basis, NOW).confidence


def test_with_all_sources_much_evidence_is_as_sure_as_detection_gets() -> None:
    """Memory, its effects and alerts agree."""
    assert confidence(FULL) == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("basis", "lost"),
    [
        (Basis(families={Family.LATENCY}, reporters=["a"]), 0.3),
        (Basis(families={Family.MEMORY}, reporters=["a"]), 0.2),
        (Basis(families=set(), reporters=["a", "b"]), 0.3 + 0.2),
        (Basis(families={Family.MEMORY, Family.LATENCY}, reporters=[]), 0.4),
    ],
)
def test_missing_sources_cost_what_the_rule_says(basis: Basis, lost: float) -> None:
    """0.3 without primary metrics, 0.2 without secondary ones, 0.4 with fewer than two sources."""
    assert confidence(basis) == pytest.approx(confidence(FULL) - lost)


def test_confidence_never_falls_below_a_tenth() -> None:
    """Even where everything is missing."""
    assert confidence(Basis(families=set(), reporters=["a"])) == FLOOR


def test_a_cascade_has_no_primary_metrics_to_miss() -> None:
    """Its cause is measured elsewhere; alerts of two reporters that name it lose only the secondary share."""
    cascade = (Clue(Classification.CASCADE, 50.0, NOW),)
    assert confidence(Basis(families=set(), reporters=["a", "b"]), cascade) == pytest.approx(0.95 - 0.2)


def test_evidence_against_it_lowers_confidence() -> None:
    """Half as much for a database failure beside the leak."""
    torn = (*LEAK, Clue(Classification.DATABASE_FAILURE, 25.0, NOW))
    assert confidence(FULL, torn) == pytest.approx(0.95 - 0.45 / 3)


@pytest.mark.parametrize(
    ("basis", "missing", "width"),
    [
        (FULL, ["logs", "traces"], 0.3),
        (Basis(families=set(), reporters=["a", "b"]), ["logs", "traces", "metrics"], 0.45),
        (Basis(families={Family.MEMORY}, reporters=["a"], stale_s=60), ["logs", "traces", "fresh data"], 0.35),
        (Basis(families={Family.MEMORY}, reporters=["a"], late_share=0.5), ["logs", "traces", "punctual alerts"], 0.4),
    ],
)
def test_the_bounds_are_as_wide_as_the_data_is_poor(basis: Basis, missing: list[str], width: float) -> None:
    """0.2 for logs, 0.15 for metrics, 0.1 for traces, 0.05 for stale data, 0.1 for anything else."""
    verdict = classify(LEAK, basis, NOW)
    assert verdict.quality.missing == missing
    assert verdict.low == pytest.approx(max(0.0, verdict.confidence - width / 2))
    assert verdict.high == pytest.approx(min(1.0, verdict.confidence + width / 2))


def test_the_quality_of_the_data_is_told_in_figures() -> None:
    """The weight of what is missing, the age, the share that was late, and how far a clock is ahead."""
    verdict = classify(LEAK, Basis(set(), ["a", "b"], stale_s=60.0, late_share=0.3, skew_s=7.5), NOW)
    told = verdict.quality
    assert told.missing == ["logs", "traces", "metrics", "fresh data", "punctual alerts", "clocks that agree"]
    assert told.missing_share == pytest.approx(0.2 + 0.1 + 0.15 + 0.05 + 0.1 + 0.1)
    assert (told.stale_s, told.late_share, told.skew_s) == (60.0, 0.3, 7.5)


def test_without_clues_the_kind_is_unknown() -> None:
    """No guess is made, and none is confident."""
    verdict = classify((), FULL, NOW)
    assert verdict.classification is Classification.UNKNOWN
    assert verdict.confidence <= 0.3


def test_the_kind_changes_only_for_one_that_clearly_leads() -> None:
    """A near tie does not flap; half as much again decides."""
    near = (*LEAK, Clue(Classification.DDOS, 60.0, NOW))
    clear = (*LEAK, Clue(Classification.DDOS, 80.0, NOW))
    assert classify(near, FULL, NOW, Classification.MEMORY_LEAK).classification is Classification.MEMORY_LEAK
    assert classify(clear, FULL, NOW, Classification.MEMORY_LEAK).classification is Classification.DDOS


@given(
    st.dictionaries(st.sampled_from(list(Classification)), st.floats(0, 100), max_size=8),
    st.sets(st.sampled_from(list(Family))),
    st.sets(st.text(max_size=3), max_size=4),
    st.floats(0, 1e6),
    st.floats(0, 1),
    st.booleans(),
)
def test_bounds_hold_the_confidence(
    weights: dict[Classification, float],
    families: set[Family],
    reporters: set[str],
    stale_s: float,
    late: float,
    over: bool,
) -> None:
    """0 <= low <= confidence <= high <= 1, and at least a tenth."""
    clues = [Clue(kind, weight, NOW) for kind, weight in weights.items()]
    verdict = classify(clues, Basis(families, sorted(reporters), stale_s, late, over), NOW)
    assert 0 <= verdict.low <= verdict.confidence <= verdict.high <= 1
    assert verdict.confidence >= FLOOR


def test_what_a_cause_brings_with_it_is_explained_by_it() -> None:
    """A flood uses up the processor: three times as much that speaks for the processor does not outweigh it."""
    clues = (Clue(Classification.DDOS, 10.0, NOW), Clue(Classification.RESOURCE_EXHAUSTION, 30.0, NOW))
    assert classify(clues, FULL, NOW).classification is Classification.DDOS
    hint = (Clue(Classification.DDOS, 1.0, NOW), Clue(Classification.RESOURCE_EXHAUSTION, 3.0, NOW))
    assert classify(hint, FULL, NOW).classification is Classification.RESOURCE_EXHAUSTION
