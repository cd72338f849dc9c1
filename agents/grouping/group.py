"""A group: what is unusual at about the same time on services that have to do with each other; told of once, by its opening."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from agents.grouping.rules import GroupingRules
from schemas.records.vocabulary import Severity

# More are not remembered of one group; by then it is `wide`, and takes in all others without.
_MOST = 100


@dataclass(slots=True)
class Group:
    """Opened at event time `opened_at` (ms) by `service`, because of `names`; `unusual_at` is its newest unusual alert.

    `incident_id` is where people are told of it.
    """

    group_id: str
    opened_at: int
    service: str
    because: tuple[str, ...]
    severity: Severity
    unusual_at: int
    services: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    incident_id: str = ""

    def over(self, at: int, rules: GroupingRules) -> bool:
        """Whether nothing unusual came for so long that what comes now is another matter."""
        return at - self.unusual_at > rules.quiet_s * 1000

    def takes(self, service: str, names: Iterable[str], neighbours: Set[str], rules: GroupingRules) -> bool:
        """Whether something unusual belongs to it: its service, one of its names, a neighbour, or it is wide."""
        return (
            service in self.services
            or not self.names.isdisjoint(names)
            or len(self.services) >= rules.wide
            or not self.services.isdisjoint(neighbours)
        )

    def grows(self, service: str, names: Iterable[str]) -> None:
        """What is news on a service is from now on the group's."""
        if len(self.services) < _MOST:
            self.services.add(service)
        if len(self.names) < _MOST:
            self.names.update(names)

    def spreads(self, service: str, at: int, rules: GroupingRules) -> bool:
        """Whether news on `service` makes it another matter: what was told of few services, a while ago, becomes wide."""
        fewer = len(self.services) == rules.wide - 1 and service not in self.services
        return fewer and at - self.opened_at > rules.together_s * 1000

    def holds(self, at: int, rules: GroupingRules) -> bool:
        """Whether an alert that is nothing unusual, of whatever service, belongs to it all the same: it is its context."""
        return at - self.unusual_at <= rules.context_s * 1000
