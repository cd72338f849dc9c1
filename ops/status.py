"""Is it running, what is behind, what is wrong: one look at Kafka, the workers' groups and the account."""

from dataclasses import asdict, dataclass, field
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from ops.worker import ROLES, group_of
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records.sampling import AlertAccount
from streams.errors import BrokerUnreachableError
from streams.reading import read_all
from streams.topics import ACCOUNT, BY_NAME

REQUEST_S = 10.0
# Beyond this many unread records a stage is told of as behind.
BEHIND = 10_000


@dataclass(slots=True)
class AlertTotals:
    """What became of all alerts: received = kept + suppressed + dead_lettered. Of the suppressed, `late` came too late."""

    received: int = 0
    kept: int = 0
    suppressed: int = 0
    late: int = 0
    dead_lettered: int = 0


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
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "breakwater-status", "enable.auto.commit": False})
    admin = AdminClient({"bootstrap.servers": bootstrap})
    try:
        ends = _bounds(consumer, bootstrap, health)
        health.checks["kafka"] = f"ok: answers at {bootstrap}"
        for role in ROLES:
            _check_group(admin, group_of(role), ends, health)
    finally:
        consumer.close()
    if ACCOUNT.name in health.topics:
        health.alerts = totals(bootstrap)
    health.healthy = all(text.startswith("ok") for text in health.checks.values())
    return health


def totals(bootstrap: str) -> AlertTotals:
    """The account of all alerts: of each incident and partition the record that goes furthest."""
    codec, last = Codec(AlertAccount), dict[tuple[int, str], AlertAccount]()
    for record in read_all(bootstrap, ACCOUNT.name):
        try:
            account = codec.decode(record.value)
        except DecodeError:
            continue
        key = account.partition, account.incident_id
        if key not in last or last[key].upto <= account.upto:
            last[key] = account
    found = AlertTotals()
    for account in last.values():
        found.received += account.total_received
        found.kept += account.total_kept
        found.suppressed += account.total_suppressed + account.total_late
        found.late += account.total_late
        found.dead_lettered += account.total_dead_lettered
    return found


def _bounds(consumer: Consumer, bootstrap: str, health: Health) -> dict[tuple[str, int], int]:
    ends: dict[tuple[str, int], int] = {}
    try:
        found = consumer.list_topics(timeout=REQUEST_S).topics
    except KafkaException as error:
        raise BrokerUnreachableError(bootstrap) from error
    for name in BY_NAME:
        if name not in found:
            health.checks[f"topic {name}"] = "missing: `breakwater up` makes it"
            continue
        status = health.topics[name] = TopicStatus()
        for partition in found[name].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=REQUEST_S)
            ends[name, partition] = high
            status.records += high - low
    return ends


def _check_group(admin: AdminClient, group: str, ends: dict[tuple[str, int], int], health: Health) -> None:
    try:
        described = admin.describe_consumer_groups([group], request_timeout=REQUEST_S)[group].result(REQUEST_S)
        offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(REQUEST_S)
    except KafkaException as error:
        health.checks[group] = f"unknown: {error.args[0].str()}"
        return
    except TimeoutError:
        health.checks[group] = f"unknown: Kafka did not tell within {REQUEST_S:.0f} s"
        return
    members, behind = len(described.members), 0
    for tp in offsets.topic_partitions or []:
        if (tp.topic, tp.partition) in ends and tp.offset >= 0:
            lag = max(0, ends[tp.topic, tp.partition] - tp.offset)
            behind = max(behind, lag)
            health.topics[tp.topic].lag = max(health.topics[tp.topic].lag, lag)
    if not members:
        health.checks[group] = f"stopped: no worker runs; start one with `breakwater worker {group.rpartition('-')[2]}`"
    elif behind > BEHIND:
        health.checks[group] = f"behind: {behind} records in one partition, {members} at work"
    else:
        health.checks[group] = f"ok: {members} at work"
