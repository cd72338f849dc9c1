"""Under what an incident can be found where a store has no indexes: its facets, each a list in order of time."""

from dataclasses import dataclass

from schemas.records.vocabulary import Millis
from state.incident import IncidentState
from state.ports import IncidentQuery
from state.rows import searchable

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Facet:
    """One list of incidents: all of them, or those of one status, tenant or service."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An incident's place in its lists at one version. Times are epoch ms."""

    incident_id: str
    version: int
    updated_at: Millis
    status: str
    tenant: str
    service: str

    @property
    def day(self) -> int:
        """The bucket that the entry is in: days since 1970."""
        return day_of(self.updated_at)

    @property
    def facets(self) -> list[Facet]:
        """The lists that the entry is in."""
        return [
            Facet("all", ""),
            Facet("status", self.status),
            Facet("tenant", self.tenant),
            Facet("service", self.service),
        ]

    def matches(self, query: IncidentQuery) -> bool:
        """Whether the entry is asked for; since and cursor aside, which the order of a list answers."""
        pairs = ((query.status, self.status), (query.tenant, self.tenant), (query.service, self.service))
        return all(wanted is None or wanted == value for wanted, value in pairs)


def entry_of(state: IncidentState) -> Entry:
    """Where an incident of this state is listed."""
    return Entry(
        state.incident_id,
        state.version,
        state.updated_at,
        str(state.status),
        state.tenant,
        searchable(state.service),
    )


def narrowest(query: IncidentQuery) -> Facet:
    """The list to look through for a query: the one that is likely the shortest."""
    if query.service is not None:
        return Facet("service", query.service)
    if query.status is not None:
        return Facet("status", query.status)
    return Facet("tenant", query.tenant) if query.tenant is not None else Facet("all", "")


def day_of(at_ms: Millis) -> int:
    """The bucket of an instant: days since 1970."""
    return at_ms // DAY_MS
