"""Every topic: its contract, how it is keyed, how long it keeps, and its creation."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.records import analysis, command, grouping, intake, journal, log, sampling
from streams.errors import BrokerUnreachableError, TopicMismatchError

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
REQUEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. Records are keyed by incident_id, so all topics of an incident share a partition number, but where said."""

    name: str
    record: type
    compacted: bool = False
    retention_ms: int = 7 * DAY_MS
    # Arrival times are the broker's where producers outside of our control write.
    stamped_by_broker: bool = False
    # Of a batch: so of one record, its key and headers.
    max_bytes: int = 2 << 20
    config: dict[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, str]:
        """The topic's configuration on the broker."""
        policy = {"cleanup.policy": "compact"} if self.compacted else {
            "cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}  # fmt: skip
        stamp = {"message.timestamp.type": "LogAppendTime"} if self.stamped_by_broker else {}
        return {**policy, **stamp, "max.message.bytes": str(self.max_bytes), **self.config}


ALERTS = Topic("alerts", intake.Alert, stamped_by_broker=True)
METRICS = Topic("metrics", intake.MetricPoint, stamped_by_broker=True)  # keyed by series
LOGS = Topic("logs", intake.LogLine, stamped_by_broker=True)
TOPOLOGY = Topic("topology", intake.TopologyEdge, compacted=True)  # keyed by tenant, environment and both ends
SAMPLED = Topic("alerts.sampled", intake.Alert)
# All windows for a week, as long as the alerts are there to be counted again; then of each incident the last record, with its
# totals.
ACCOUNT = Topic(
    "alerts.account", sampling.AlertAccount, compacted=True, config={"min.compaction.lag.ms": str(7 * DAY_MS)}
)
STORMS = Topic("storms", sampling.StormChanged)
HEARD = Topic("alerts.heard", grouping.AlertHeard, retention_ms=DAY_MS)  # keyed by tenant and environment
GROUPS = Topic("alert.groups", grouping.GroupTold)
ANOMALIES = Topic("anomalies", analysis.Anomaly)
CANDIDATES = Topic("incident.candidates", analysis.IncidentCandidate)
PREDICTIONS = Topic("predictions", analysis.Prediction)
DIAGNOSES = Topic("diagnoses", analysis.Diagnosis)
RECOMMENDATIONS = Topic("recommendations", analysis.Recommendation)
DECISIONS = Topic("decisions", command.Decision)
ACTIONS = Topic("actions", command.ActionRecord)
NOTIFICATIONS = Topic("notifications", command.Notification)
COMMANDS = Topic("incident.commands", log.IncidentCommand)
EVENTS = Topic("incident.events", log.IncidentEvent, compacted=True)  # keyed by incident_id and version
CONFLICTS = Topic("incident.conflicts", log.CommandRefused)
SNAPSHOTS = Topic("incident.snapshots", log.IncidentSnapshot, compacted=True)
CHECKPOINTS = Topic("incident.checkpoints", log.HeadsCheckpoint, compacted=True)  # keyed by partition and part
# Each stage's steps, in the partition that it decides on (streams.journal); keyed by what the stage is keyed by.
JOURNAL = Topic("decision.journal", journal.StepTaken)
# A dead letter holds the largest record of any other topic whole, with its headers and the reason.
DEAD_LETTERS = Topic("dead.letters", log.DeadLetter, retention_ms=30 * DAY_MS, max_bytes=3 << 20)
SIGNALS = Topic("work.signals", log.WorkSignal)  # keyed by worker
SCHEMAS = Topic("schemas", log.SchemaRegistered, compacted=True)  # keyed by fingerprint

TOPICS: tuple[Topic, ...] = (
    ALERTS, METRICS, LOGS, TOPOLOGY, SAMPLED, ACCOUNT, STORMS, HEARD, GROUPS, ANOMALIES, CANDIDATES, PREDICTIONS,
    DIAGNOSES, RECOMMENDATIONS, DECISIONS, ACTIONS, NOTIFICATIONS, COMMANDS, EVENTS, CONFLICTS, SNAPSHOTS, CHECKPOINTS,
    JOURNAL, DEAD_LETTERS, SIGNALS, SCHEMAS,
)  # fmt: skip
# What senders write; of all others a stage, or the sequencer, is the only writer.
INTAKE = (ALERTS, METRICS, LOGS, TOPOLOGY)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def create_topics(
    bootstrap: str, partitions: int, replication: int, topics: Iterable[Topic] = TOPICS, *, exact: bool = False
) -> list[str]:
    """Create the topics that are not there; return the names of those that were made.

    Args:
        partitions: of each topic; where some are there already, all others get as many as those have.
        exact: those that are there must have just so many.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`.
        TopicMismatchError: a topic is there with another number of partitions than the rest: stages could not be
            co-partitioned.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    there = partition_counts(admin, bootstrap)
    wanted = list(topics)
    counts = {there[t.name] for t in wanted if t.name in there}
    if exact or not counts:
        counts.add(partitions)
    if len(counts) > 1:
        odd = {t.name: there[t.name] for t in wanted if t.name in there}
        want = f" instead of {partitions} each" if exact else ""
        raise TopicMismatchError(
            f"Topics have different numbers of partitions{want}: {odd}. Recreate those that are wrong."
        )
    new = [
        NewTopic(t.name, counts.copy().pop(), replication, config=t.settings()) for t in wanted if t.name not in there
    ]
    return _created(admin, new)


def partition_counts(admin: AdminClient, bootstrap: str) -> dict[str, int]:
    """Topics of the cluster with their numbers of partitions.

    Raises:
        BrokerUnreachableError: nothing answers at `bootstrap`.
    """
    try:
        found = admin.list_topics(timeout=REQUEST_S).topics
    except KafkaException as error:
        raise BrokerUnreachableError(bootstrap) from error
    return {name: len(topic.partitions) for name, topic in found.items()}


def _created(admin: AdminClient, new: list[NewTopic]) -> list[str]:
    if not new:
        return []
    made = []
    for name, future in admin.create_topics(new).items():
        try:
            future.result(30)
            made.append(name)
        except KafkaException as error:
            # Another worker that starts at the same time may be first.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    return made
