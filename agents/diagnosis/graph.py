"""The service dependency graph: a fold of TopologyEdge records, apart by tenant and environment, bounded in memory.

*Upstream* of a service is what it needs, directly or through others: where the cause of a cascade can lie.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from schemas.records.intake import TopologyEdge
from schemas.records.vocabulary import Evidence
from streams.stage import Received

Scope: TypeAlias = tuple[str, str]  # tenant, environment

# No walk is longer than this: a cause further away is not told from chance.
MAX_DEPTH = 5
# Services that one walk visits, so that a decision stays below a millisecond on a dense graph.
MAX_VISITED = 512
# Walks remembered until an edge changes: 64 of the longest are 10 MB.
MAX_WALKS = 64


@dataclass(frozen=True, slots=True)
class Reached:
    """A service upstream: at which depth, through which services (itself last), along which edges of the log."""

    service: str
    depth: int
    path: tuple[str, ...]
    edges: tuple[Evidence, ...]


class ServiceGraph:
    """Who needs whom. Edges past the bounds are not taken and counted in `refused`.

    Args:
        max_edges: of all tenants; at about 500 bytes an edge the default caps memory at 50 MB.
        max_scope_edges: of one tenant and environment, so that one cannot take the place of all.
    """

    def __init__(self, max_edges: int = 100_000, max_scope_edges: int = 20_000) -> None:
        self._max_edges = max_edges
        self._max_scope_edges = max_scope_edges
        self._needs: dict[Scope, dict[str, dict[str, Evidence]]] = {}
        self._sizes: dict[Scope, int] = {}
        self._walks: dict[tuple[Scope, str, int], list[Reached]] = {}
        self.edges = 0
        self.refused = 0

    def observe(self, received: Received[TopologyEdge]) -> None:
        """Take an edge in, or out where it is marked as removed."""
        edge = received.record
        scope = (edge.tenant, edge.environment)
        self._walks.clear()
        if edge.removed:
            self._remove(scope, edge)
            return
        known = edge.depends_on in self._needs.get(scope, {}).get(edge.service, {})
        if not known and (self.edges >= self._max_edges or self._sizes.get(scope, 0) >= self._max_scope_edges):
            self.refused += 1
            return
        said = received.position.evidence(f"{edge.service} depends on {edge.depends_on} ({edge.kind})")
        self._needs.setdefault(scope, {}).setdefault(edge.service, {})[edge.depends_on] = said
        self._count(scope, 0 if known else 1)

    def upstream(self, tenant: str, environment: str, service: str, depth: int = MAX_DEPTH) -> list[Reached]:
        """What a service needs, breadth first, nearest first and by name, none twice, at most MAX_DEPTH deep."""
        walk = ((tenant, environment), service, min(depth, MAX_DEPTH))
        if walk not in self._walks:
            if len(self._walks) >= MAX_WALKS:
                self._walks.clear()
            self._walks[walk] = self._walked(*walk)
        return self._walks[walk]

    def _walked(self, scope: Scope, service: str, depth: int) -> list[Reached]:
        needs = self._needs.get(scope, {})
        found: list[Reached] = []
        visited = {service}
        ahead = deque([Reached(service, 0, (), ())])
        while ahead:
            here = ahead.popleft()
            if here.depth >= depth:
                break
            for name, edge in sorted(needs.get(here.service, {}).items(), key=_name):
                if name in visited:
                    continue
                if len(found) >= MAX_VISITED:
                    return found
                visited.add(name)
                found.append(Reached(name, here.depth + 1, (*here.path, name), (*here.edges, edge)))
                ahead.append(found[-1])
        return found

    def _remove(self, scope: Scope, edge: TopologyEdge) -> None:
        services = self._needs.get(scope, {})
        needed = services.get(edge.service, {})
        if needed.pop(edge.depends_on, None) is None:
            return
        if not needed:
            del services[edge.service]
        if not services:
            del self._needs[scope]
        self._count(scope, -1)

    def _count(self, scope: Scope, change: int) -> None:
        self.edges += change
        self._sizes[scope] = self._sizes.get(scope, 0) + change
        if not self._sizes[scope]:
            del self._sizes[scope]


def _name(need: tuple[str, Evidence]) -> str:
    return need[0]
