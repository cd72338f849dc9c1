"""Is it running, what is behind, what is wrong: one look at Kafka, the workers' groups and the account.

Lag is what `breakwater lag` tells of it. Each question is asked of all partitions at once, and each has its limit of time.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from confluent_kafka.admin import AdminClient

from ops.account.totals import AlertTotals, totals
from ops.lag.judgement import Sample, lag_of
from ops.lag.probe import GROUPS, LagProbe
from ops.offsets import Partition, first_offsets, last_offsets
from ops.roles import ROLES, Role, group_of
from streams.errors import BrokerUnreachableError
from streams.topics import ACCOUNT, BY_NAME, partition_counts

# Beyond this many unread records of one partition a stage is told of as behind.
BEHIND = 10_000
# Longer a person does not wait for a count of what was long ago.
_ACCOUNT_S = 5.0
# In the middle of a storm offsets will do; of what is nearly read, records are counted within a tenth of this.
_PEEK_S = 1.0


@dataclass(slots=True)
class TopicStatus:
    """Records held by a topic, and how many of them its slowest reader has not read."""

    records: int = 0
    lag: int = 0


@dataclass(slots=True)
class Health:
    """What `breakwater status` says."""

    healthy: bool = True
    checks: dict[str, str] = field(default_factory=dict)
    topics: dict[str, TopicStatus] = field(default_factory=dict)
    alerts: AlertTotals = field(default_factory=AlertTotals)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def look(bootstrap: str) -> Health:
    """Ask Kafka about everything.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`.
    """
    health = Health()
    health.topics = _topics(bootstrap, health.checks)
    health.checks = {"kafka": f"ok: answers at {bootstrap}", **health.checks}
    try:
        with LagProbe(bootstrap) as probe:
            sample = probe.sample(GROUPS, limit_s=_PEEK_S, incidents=False)
    except BrokerUnreachableError:
        # While its groups move to another broker, Kafka answers for topics and not for them.
        health.checks |= dict.fromkeys(GROUPS, "unknown: Kafka did not tell of it in time; ask again")
    else:
        add_lag(health, sample)
    if ACCOUNT.name in health.topics:
        health.alerts = totals(bootstrap, _ACCOUNT_S)
    health.healthy = all(text.startswith("ok") for text in health.checks.values())
    return health


def add_lag(health: Health, sample: Sample) -> None:
    """Add what a sample says: the lag of each topic, and a check for each worker's group."""
    lags = {place: lag_of(place, sample) for place in sample.committed}
    for (_, topic, _), lag in lags.items():
        if topic in health.topics:
            health.topics[topic].lag = max(health.topics[topic].lag, lag)
    for role in ROLES:
        group = group_of(role)
        behind = max((lag for (of, topic, _), lag in lags.items() if of == group and topic in BY_NAME), default=0)
        health.checks[group] = _worker(role, sample.members.get(group, 0), behind)


def _worker(role: Role, members: int, behind: int) -> str:
    if not members:
        return f"stopped: no worker runs; start one with `breakwater worker {role}`"
    if behind > BEHIND:
        return f"behind: {behind:,} records in one partition, {members} at work"
    return f"ok: {members} at work"


def _topics(bootstrap: str, checks: dict[str, str]) -> dict[str, TopicStatus]:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    counts = partition_counts(admin, bootstrap)
    for name in BY_NAME:
        if name not in counts:
            checks[f"topic {name}"] = "missing: `breakwater up` makes it"
    places: set[Partition] = {(name, p) for name in BY_NAME for p in range(counts.get(name, 0))}
    first, last = first_offsets(admin, bootstrap, places), last_offsets(admin, bootstrap, places)
    found = {name: TopicStatus() for name in BY_NAME if name in counts}
    for place in first.keys() & last.keys():
        found[place[0]].records += last[place] - first[place]
    return found
