"""What is news in the alerts of one tenant's environment, and which alerts belong to it: online, one pass, bounded memory.

An alert is rare by how seldom its name came from its service, and from any service, at this time of day. Rarities of different
names on one service within ten minutes add up as independent reasons do, 1 - ∏(1 - r). News that belongs to no open group opens
one, and a person is told; all else that belongs to it is told with it. The same decisions are taken by the stage and by
`breakwater backtest alerts`. Scored before learned; no clock, no randomness, no label.
"""

from collections import OrderedDict
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import TypeVar

from agents.grouping.busiest import Busiest
from agents.grouping.group import Group
from agents.grouping.recurrence import Recurrence
from agents.grouping.rules import GroupingRules
from schemas.identity import stable_id
from schemas.records.vocabulary import Severity

K = TypeVar("K")
V = TypeVar("V")
Neighbours = Callable[[str], Set[str]]

_INFO_SHARE = 0.5
_CERTAIN = 1.0


def _alone(_: str) -> Set[str]:
    """The neighbours of a service where no topology is known."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Heard:
    """A firing alert as grouping sees it; `at` is epoch ms of event time."""

    service: str
    name: str
    at: int
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class Judged:
    """To which open groups an alert belongs; `opened` is the one that it has opened, of which a person is told."""

    groups: tuple[Group, ...] = ()
    opened: Group | None = None
    news: float = 0.0


class _Pair:
    """What is remembered of one name on one service."""

    __slots__ = ("busiest", "recurrence")

    def __init__(self) -> None:
        self.recurrence = Recurrence()
        self.busiest = Busiest()


class AlertWatch:
    """Hears alerts in the order of their times; one that is late is heard as of the newest time."""

    __slots__ = ("_began", "_groups", "_identity", "_names", "_neighbours", "_now", "_pairs", "_rare", "_rules")

    def __init__(self, identity: str, rules: GroupingRules | None = None, neighbours: Neighbours = _alone) -> None:
        """`identity` names tenant and environment, and begins the groups' ids; `neighbours` tells of the topology."""
        self._identity = identity
        self._rules = rules or GroupingRules()
        self._neighbours = neighbours
        self._pairs: OrderedDict[tuple[str, str], _Pair] = OrderedDict()
        self._names: OrderedDict[str, Recurrence] = OrderedDict()
        self._rare: OrderedDict[str, dict[str, tuple[int, float]]] = OrderedDict()
        self._groups: list[Group] = []
        self._began = -1
        self._now = -1

    def hear(self, heard: Heard) -> Judged:
        """Judge an alert by those before it, then remember it."""
        at = self._now = max(self._now, heard.at)
        if self._began < 0:
            self._began = at
        pair = _recalled(self._pairs, (heard.service, heard.name), _Pair, self._rules.most_pairs)
        rarity = self._rarity(pair, heard, at)
        if rarity < self._rules.least_rarity:
            return Judged(self._holding(at))
        return self._unusual(heard, rarity, at)

    def _rarity(self, pair: _Pair, heard: Heard, at: int) -> float:
        """From 0 for what comes all the time to 1 for a burst; of one alert no more than `most_rarity`, unless it is critical."""
        rules = self._rules
        name = _recalled(self._names, heard.name, Recurrence, rules.most_names)
        name.occurs(at, rules.name_occasion_s * 1000, rules.name_remembered_s * 1000)
        fresh = pair.recurrence.occurs(at, rules.occasion_s * 1000, rules.remembered_s * 1000)
        if pair.busiest.bursts(at, rules.burst_alerts, rules.burst_times, rules.busiest_remembered_s * 1000):
            return _CERTAIN
        if not fresh:
            return 0.0
        rarity = 1 / ((1 + pair.recurrence.expected) * (1 + rules.elsewhere * name.expected))
        rarity *= min(1.0, (at - self._began) / (rules.learning_s * 1000))
        if heard.severity is Severity.CRITICAL:
            return rarity
        rarity = min(rules.most_rarity, rarity)
        return rarity * _INFO_SHARE if heard.severity is Severity.INFO else rarity

    def _unusual(self, heard: Heard, rarity: float, at: int) -> Judged:
        rare = _recalled(self._rare, heard.service, dict[str, tuple[int, float]], self._rules.most_services)
        news = _added(rare, heard.name, rarity, at, int(self._rules.together_s * 1000))
        self._groups = [group for group in self._groups if not group.over(at, self._rules)]
        neighbours = self._neighbours(heard.service)
        takes = (g for g in self._groups if g.takes(heard.service, rare, neighbours, self._rules))
        group, opened = next(takes, None), None
        is_news = news >= self._rules.news
        if group is not None and is_news and group.spreads(heard.service, at, self._rules):
            self._groups.remove(group)
            group = opened = self._open(heard, tuple(rare), at, group)
        elif group is None and is_news:
            group = opened = self._open(heard, tuple(rare), at)
        if group is None:
            return Judged(self._holding(at), None, news)
        group.unusual_at = at
        if is_news:
            group.grows(heard.service, rare)
        holding = self._holding(at)
        return Judged(holding if group in holding else (group, *holding), opened, news)

    def _open(self, heard: Heard, because: tuple[str, ...], at: int, before: Group | None = None) -> Group:
        ident = stable_id("group", self._identity, heard.service, at, *because, digits=16)
        group = Group(ident, at, heard.service, because, heard.severity, at)
        if before is not None:
            group.services |= before.services
            group.names |= before.names
        if len(self._groups) >= self._rules.most_groups:
            self._groups.remove(min(self._groups, key=lambda g: g.unusual_at))
        self._groups.append(group)
        return group

    def _holding(self, at: int) -> tuple[Group, ...]:
        """The open groups whose context an alert of now is."""
        return tuple(g for g in self._groups if g.holds(at, self._rules)) if self._groups else ()


def _recalled(memory: OrderedDict[K, V], key: K, make: Callable[[], V], most: int) -> V:
    """What is remembered under a key, now the newest; what was not heard of for longest is forgotten."""
    found = memory.get(key)
    if found is None:
        found = memory[key] = make()
        if len(memory) > most:
            memory.popitem(last=False)
    else:
        memory.move_to_end(key)
    return found


def _added(rare: dict[str, tuple[int, float]], name: str, rarity: float, at: int, together_ms: int) -> float:
    """Keep a name's rarity beside those of the last minutes; the news that they are together, 0 to 1."""
    for other in [other for other, (when, _) in rare.items() if at - when > together_ms]:
        del rare[other]
    before = rare.get(name)
    if before is None or before[1] < rarity:
        rare[name] = (at, rarity)
    usual = 1.0
    for _, one in rare.values():
        usual *= 1.0 - one
    return 1.0 - usual
