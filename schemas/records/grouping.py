"""What grouping hears and says: alerts of a whole tenant as counts, and what belongs together across its services."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.records.vocabulary import Evidence, Millis, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertHeard:
    """A firing alert in short, with how many its name and service had so far in its minute of event time; `at` is where it lies.

    Not every alert has one: see agents.grouping.telling_counts.
    """

    tenant: str
    environment: str
    incident_id: str
    service: str
    name: str
    severity: Severity
    count: int
    occurred_at: Millis
    partition: int
    offset: int


class GroupChange(StrEnum):
    """OPENED: a person is told. SPREAD: told again, as it is another matter now.

    JOINED: an open group took in what is news on a member. TAKEN: the parent is under way, so that the member is told of by
    it. CLOSED: nothing unusual for long.
    """

    OPENED = "OPENED"
    SPREAD = "SPREAD"
    JOINED = "JOINED"
    TAKEN = "TAKEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTold:
    """A change of a group of what is unusual at about the same time on services that have to do with each other.

    `incident_id` is the group's first incident, the parent of its members; `member_id` and `service` are what the change is
    about. `names` are the unusual alerts there, `rarity` (0 to 1) is what they are together.
    """

    told_id: str
    group_id: str
    change: GroupChange
    tenant: str
    environment: str
    incident_id: str
    member_id: str
    service: str
    title: str
    severity: Severity
    names: list[str]
    services: list[str]
    rarity: float
    occurred_at: Millis
    evidence: list[Evidence]
