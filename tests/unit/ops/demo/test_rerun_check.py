"""What a demonstration says of its decisions made again."""

from ops.demo.rerun_check import RerunCheck
from ops.reexecution.outcome import Divergence, Missing, Verdict


def verdict(*, divergences: tuple[Divergence, ...] = (), missing: tuple[Missing, ...] = ()) -> Verdict:
    return Verdict(
        incident_id="inc-1", decisions=9, by_stage={}, divergences=divergences, missing=missing, same_code=True
    )


def test_all_alike_is_identical() -> None:
    """One word in JSON, and how many for people."""
    check = RerunCheck(3, 3, 120, None)
    assert check.told == "identical"
    assert check.sentence == "120 decisions of 3 incidents made again: identical"


def test_the_first_divergence_is_told_whole() -> None:
    """In JSON with both sides."""
    found = Divergence(stage="consensus", at=5, what="differs in action", topic="decisions", partition=1, offset=7)
    check = RerunCheck(3, 3, 120, verdict(divergences=(found,)))
    assert check.told["offset"] == 7
    assert "inc-1 diverged at decisions offset 7: differs in action" in check.sentence


def test_what_is_missing_is_no_plain_identical() -> None:
    """Nor is it a divergence."""
    check = RerunCheck(3, 3, 120, verdict(missing=(Missing("metrics", 0, 0, 9, "retention took them"),)))
    assert check.told == {"result": "identical", "partial": True, "missing": ["retention took them"]}


def test_incidents_that_were_left_out_are_told() -> None:
    """It must not hold up the demonstration, and says so."""
    check = RerunCheck(8, 3, 120, None)
    assert check.sentence.startswith("120 decisions of 3 incidents made again: identical; 5 of 8 not looked at")
    assert check.counted == {"of": 8, "made_again": 3, "decisions": 120}
    assert check.told == {
        "result": "identical", "partial": True, "missing": ["5 incidents of 8 not looked at: time was up"],
    }  # fmt: skip


def test_incidents_without_a_decision_leave_nothing_out() -> None:
    """All that the log holds was made again."""
    assert RerunCheck(8, 3, 120, None, empty=5).told == "identical"
