"""Which services have to do with each other: either end of an edge of the service graph. Bounded."""

from collections.abc import Set

from schemas.records.intake import TopologyEdge

_NONE: frozenset[str] = frozenset()


class Neighbours:
    """Both ends of edges, by tenant and environment. Past `most` edges (100 MB) no more are taken."""

    def __init__(self, most: int = 200_000) -> None:
        self._most, self._ends = most, 0
        self._of: dict[tuple[str, str], set[str]] = {}

    def observe(self, edge: TopologyEdge) -> None:
        """Take an edge in, or out where it is marked as removed."""
        scope = f"{edge.tenant}/{edge.environment}"
        for one, other in ((edge.service, edge.depends_on), (edge.depends_on, edge.service)):
            if edge.removed:
                self._remove((scope, one), other)
            elif self._ends < 2 * self._most:
                known = self._of.setdefault((scope, one), set())
                self._ends += other not in known
                known.add(other)

    def of(self, scope: str, service: str) -> Set[str]:
        """The neighbours of a service; `scope` is tenant/environment."""
        return self._of.get((scope, service), _NONE)

    def _remove(self, place: tuple[str, str], other: str) -> None:
        known = self._of.get(place)
        if known is None or other not in known:
            return
        known.discard(other)
        self._ends -= 1
        if not known:
            del self._of[place]
