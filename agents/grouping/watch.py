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

from agents.grouping.group import Group
from agents.grouping.memory import Memory, Pair, known_as
from agents.grouping.recurrence import Recurrence
from agents.grouping.rules import GroupingRules
from schemas.identity import stable_id
from schemas.records.vocabulary import Severity

K = TypeVar("K")
V = TypeVar("V")
Neighbours = Callable[[str], Set[str]]

_INFO_SHARE = 0.5


def _alone(_: str) -> Set[str]:
    """The neighbours of a service where no topology is known."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Heard:
    """A firing alert as grouping sees it; `at` is epoch ms of event time.

    `count` is how many its name and service had in that minute, it included; 0: one more than were heard.
    """

    service: str
    name: str
    at: int
    severity: Severity = Severity.WARNING
    count: int = 0
    incident_id: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """To which open groups an alert belongs; `opened` is the one that it has opened, of which a person is told.

    `took` is an open group that took its news in, `over` are those that have ended before it.
    """

    groups: tuple[Group, ...] = ()
    opened: Group | None = None
    news: float = 0.0
    took: Group | None = None
    over: tuple[Group, ...] = ()


class AlertWatch:
    """Hears alerts in the order of their times; one that is late is heard as of the newest time."""

    __slots__ = ("_identity", "_neighbours", "_rules", "memory")

    def __init__(
        self, identity: str, rules: GroupingRules | None = None, neighbours: Neighbours = _alone,
        memory: Memory | None = None,
    ) -> None:  # fmt: skip
        """`identity` names tenant and environment, and begins the groups' ids; `neighbours` tells of the topology."""
        self._identity = identity
        self._rules = rules or GroupingRules()
        self._neighbours = neighbours
        self.memory = memory or Memory()

    def hear(self, heard: Heard) -> Judged:
        """Judge an alert by those before it, then remember it."""
        at = self.memory.now = max(self.memory.now, heard.at)
        if self.memory.began < 0:
            self.memory.began = at
        over = self._over(at)
        pair = _recalled(self.memory.pairs, known_as(heard.service, heard.name), Pair, self._rules.most_pairs)
        rarity = self._rarity(pair, heard, at)
        if rarity < self._rules.least_rarity:
            return Judged(self._holding(at), over=over)
        return self._unusual(heard, rarity, at, over)

    def holding(self, at: int) -> tuple[Group, ...]:
        """The groups whose context an alert is that is not worth hearing: it is one more of its second."""
        return self._holding(max(self.memory.now, at))

    def _over(self, at: int) -> tuple[Group, ...]:
        """The groups that have ended; they are forgotten."""
        over = tuple(group for group in self.memory.groups if group.over(at, self._rules))
        if over:
            self.memory.groups = [group for group in self.memory.groups if group not in over]
        return over

    def _rarity(self, pair: Pair, heard: Heard, at: int) -> float:
        """From 0 for what comes all the time to 1 for a burst; of one alert no more than `most_rarity`, unless it is critical."""
        rules = self._rules
        name = _recalled(self.memory.names, known_as(heard.name), Recurrence, rules.most_names)
        name.occurs(at, rules.name_occasion_s * 1000, rules.name_remembered_s * 1000)
        fresh = pair.recurrence.occurs(at, rules.occasion_s * 1000, rules.remembered_s * 1000)
        learnt = min(1.0, (at - self.memory.began) / (rules.learning_s * 1000))
        fading_ms = rules.busiest_remembered_s * 1000
        if pair.busiest.bursts(heard.at, heard.count, rules.burst_alerts, rules.burst_times, fading_ms):
            return learnt
        if not fresh:
            return 0.0
        rarity = learnt / ((1 + pair.recurrence.expected) * (1 + rules.elsewhere * name.expected))
        if heard.severity is Severity.CRITICAL:
            return rarity
        rarity = min(rules.most_rarity, rarity)
        return rarity * _INFO_SHARE if heard.severity is Severity.INFO else rarity

    def _unusual(self, heard: Heard, rarity: float, at: int, over: tuple[Group, ...]) -> Judged:
        rare = _recalled(self.memory.rare, heard.service, dict[str, tuple[int, float]], self._rules.most_services)
        news = _added(rare, heard.name, rarity, at, self._rules)
        neighbours = self._neighbours(heard.service)
        takes = (g for g in self.memory.groups if g.takes(heard.service, rare, neighbours, self._rules))
        group, opened = next(takes, None), None
        is_news = news >= self._rules.news
        if group is not None and is_news and group.spreads(heard.service, at, self._rules):
            self.memory.groups.remove(group)
            group = opened = self._open(heard, tuple(rare), at, group)
        elif group is None and is_news:
            group = opened = self._open(heard, tuple(rare), at)
        if group is None:
            return Judged(self._holding(at), None, news, over=over)
        group.unusual_at = at
        if is_news:
            group.grows(heard.service, rare)
        holding = self._holding(at)
        took = group if is_news and opened is None else None
        return Judged(holding if group in holding else (group, *holding), opened, news, took, over)

    def _open(self, heard: Heard, because: tuple[str, ...], at: int, before: Group | None = None) -> Group:
        ident = stable_id("group", self._identity, heard.service, at, *because, digits=16)
        group = Group(ident, at, heard.service, because, heard.severity, at, incident_id=heard.incident_id)
        if before is not None:
            group.services |= before.services
            group.names |= before.names
        if len(self.memory.groups) >= self._rules.most_groups:
            self.memory.groups.remove(min(self.memory.groups, key=lambda g: g.unusual_at))
        self.memory.groups.append(group)
        return group

    def _holding(self, at: int) -> tuple[Group, ...]:
        """The open groups whose context an alert of now is."""
        return tuple(g for g in self.memory.groups if g.holds(at, self._rules)) if self.memory.groups else ()


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


def _added(rare: dict[str, tuple[int, float]], name: str, rarity: float, at: int, rules: GroupingRules) -> float:
    """Keep a name's rarity beside those of the last minutes; the news that they are together, 0 to 1."""
    for other in [other for other, (when, _) in rare.items() if at - when > rules.together_s * 1000]:
        del rare[other]
    before = rare.get(name)
    if before is None or before[1] < rarity:
        rare[name] = (at, rarity)
        if len(rare) > rules.most_together:
            del rare[next(iter(rare))]
    usual = 1.0
    for _, one in rare.values():
        usual *= 1.0 - one
    return 1.0 - usual
