"""Quotas and fair shares: nobody is starved, nothing is left unused, and a change of state always passes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.sampling.columns import Codes
from agents.sampling.incidents import N
from agents.sampling.rations import Rations
from agents.sampling.rules import SamplingRules
from tests.support.alerts import ALERT, START
from tests.support.sampling import Edge, kept_offsets, records

BUDGET = SamplingRules(output_per_s=100)


def test_a_loud_tenant_leaves_a_quiet_one_its_own() -> None:
    """What the quiet one does not want is the loud one's."""
    assert Rations(BUDGET).allowed(0, {"loud": 10_000, "quiet": 10}) == {"loud": 90, "quiet": 10}


def test_shares_are_by_weight() -> None:
    """Three to one, where both want all."""
    rations = Rations(SamplingRules(output_per_s=100, weights={"gold": 3.0}))
    assert rations.allowed(0, {"gold": 500, "other": 500}) == {"gold": 75, "other": 25}


def test_who_comes_after_the_budget_is_spent_still_has_a_share() -> None:
    """The batch before had alerts of one tenant only; the other one is not told that it came too late."""
    rations = Rations(BUDGET)
    cut(rations, ["loud"] * 300)
    assert rations.allowed(0, {"quiet": 20})["quiet"] == 20
    assert rations.allowed(0, {"loud": 20})["loud"] == 0
    assert rations.allowed(1, {"loud": 20})["loud"] == 20


def test_a_quota_holds_whatever_is_free() -> None:
    """By tenant; `*` is everyone who has none."""
    rations = Rations(SamplingRules(quotas={"small": 5, "*": 50}))
    assert rations.allowed(0, {"small": 100, "other": 100}) == {"small": 5, "other": 50}


def cut(
    rations: Rations, tenants: list[str], merit: list[int] | None = None, change: list[bool] | None = None
) -> list[int]:
    """The places that are cut of kept alerts in one second."""
    names = sorted(set(tenants))
    codes = Codes(names, np.asarray([names.index(tenant) for tenant in tenants], np.int64))
    every = np.ones(len(tenants), bool)
    changes = np.asarray(change or [False] * len(tenants))
    over = rations.cut(codes, np.zeros(len(tenants), np.int64), every, changes, np.asarray(merit or [0] * len(tenants)))
    return np.flatnonzero(over).tolist()


def test_the_least_are_cut_and_changes_of_state_never() -> None:
    """Of equals the last; a change takes a place."""
    rations = Rations(SamplingRules(quotas={"t": 3}))
    assert cut(rations, ["t"] * 5, [9, 1, 5, 5, 0], [False, False, False, False, True]) == [1, 3]
    assert cut(rations, ["t"] * 2, [9, 9], [True, False]) == [1]


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 300), min_size=1), st.integers(1, 400))
def test_shares_are_max_min_fair(wanted: dict[str, int], budget: int) -> None:
    """Nobody gets more than is wanted or than the budget, nothing is left while somebody wants, and who gets less than
    another got all that it wanted, but for one that cannot be parted."""
    granted = Rations(SamplingRules(output_per_s=budget)).allowed(0, wanted)
    assert all(granted[t] <= n for t, n in wanted.items())
    assert sum(granted.values()) <= budget + len(wanted)
    assert sum(granted.values()) >= min(budget, sum(wanted.values()))
    most = max(granted.values())
    assert all(granted[t] == n or granted[t] >= most - len(wanted) for t, n in wanted.items())


def test_what_is_over_quota_is_counted_as_such() -> None:
    """Suppressed, for a reason of its own; the place in the incident's second is free again."""
    edge = Edge(SamplingRules(quotas={"t": 10}))
    outcome = edge.batch(records([ALERT] * 50))
    assert len(kept_offsets(outcome)) == 10
    (counts,) = edge.totals().values()
    assert (counts[N.RECEIVED], counts[N.KEPT], counts[N.SUPPRESSED], counts[N.OVER_QUOTA]) == (50, 10, 40, 40)
    assert edge.state.seconds.values[:, 0].tolist() == [10]
    assert edge.windows("inc-0")[START - START % 10_000] == counts
