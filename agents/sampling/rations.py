"""Who may fill how much of the output: quotas by tenant, and fair shares of a budget, within a second of event time. Pure.

A tenant may keep as much as its quota. Of a budget for all, every tenant that is at work (it had an alert in the last minute)
has a share by its weight, which nobody else can take; what others leave goes to those who want more, again by weight
(max-min fairness). Where a batch finds a second's budget spent by others, a tenant still has what is left of its own share.
Changes of state are never cut; they count. Nothing here is written down: after a restart a second's budget begins anew.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping

import numpy as np

from agents.sampling.columns import Codes
from agents.sampling.keyed_table import Bools, Ints
from agents.sampling.rules import EVERYONE, SamplingRules

AT_WORK_S = 60
# Seconds that are remembered; alerts are late long before theirs is forgotten.
_SECONDS = 600
_NO_LIMIT = 1 << 40


class Rations:
    """What the tenants of one partition have been given in each second."""

    def __init__(self, rules: SamplingRules) -> None:
        self._rules = rules
        self._given: OrderedDict[int, Counter[str]] = OrderedDict()
        self._seen: dict[str, int] = {}

    def cut(self, tenants: Codes, at: Ints, kept: Bools, change: Bools, merit: Ints) -> Bools:
        """Which of the kept alerts go after all: of those that are too many, the ones of least merit, the last first.

        Args:
            tenants: of the alerts, as all else is. at: epoch ms. change: what is never cut.
        """
        over = np.zeros(len(kept), bool)
        seconds = at // 1000
        for second in np.unique(seconds).tolist():
            here = np.flatnonzero(kept & (seconds == second))
            places = {
                tenants.values[c]: here[tenants.codes[here] == c] for c in np.unique(tenants.codes[here]).tolist()
            }
            wanted = {tenant: len(some) for tenant, some in places.items()}
            allowed = self.allowed(second, wanted)
            for tenant, some in places.items():
                if allowed[tenant] < wanted[tenant]:
                    best_first = some[np.lexsort((some, -merit[some], ~change[some]))]
                    cut = best_first[allowed[tenant] :]
                    over[cut[~change[cut]]] = True
            self._note(second, {tenant: int((~over[some]).sum()) for tenant, some in places.items()})
        return over

    def allowed(self, second: int, wanted: Mapping[str, int]) -> dict[str, int]:
        """How many alerts each of these tenants may still keep in a second, at most what it wants."""
        given = self._given.get(second, Counter())
        demand = {tenant: min(n, max(0, self._quota(tenant) - given[tenant])) for tenant, n in wanted.items()}
        budget = self._rules.output_per_s
        if not budget:
            return demand
        at_work = {t for t, last in self._seen.items() if abs(second - last) <= AT_WORK_S} | demand.keys()
        weights = {tenant: self._rules.weights.get(tenant, 1.0) for tenant in at_work}
        own = {t: max(0, int(budget * weights[t] / sum(weights.values())) - given[t]) for t in demand}
        granted = {tenant: min(n, own[tenant]) for tenant, n in demand.items()}
        left = budget - given.total() - sum(granted.values())
        while left > 0 and (wanting := [t for t in demand if granted[t] < demand[t]]):
            weight = sum(weights[t] for t in wanting)
            for tenant in wanting:
                more = min(demand[tenant] - granted[tenant], max(1, int(left * weights[tenant] / weight)))
                granted[tenant] += more
            left = budget - given.total() - sum(granted.values())
        return granted

    def _quota(self, tenant: str) -> int:
        quotas = self._rules.quotas
        return quotas.get(tenant, quotas.get(EVERYONE, _NO_LIMIT))

    def _note(self, second: int, given: Mapping[str, int]) -> None:
        self._given.setdefault(second, Counter()).update(given)
        self._seen |= {tenant: max(second, self._seen.get(tenant, 0)) for tenant in given}
        while len(self._given) > _SECONDS:
            self._given.popitem(last=False)
        if len(self._seen) > 10_000:
            newest = max(self._seen.values())
            self._seen = {t: last for t, last in self._seen.items() if newest - last <= AT_WORK_S}
