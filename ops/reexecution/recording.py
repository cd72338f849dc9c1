"""What is recorded of one incident: the records of every topic that had a part, as they lie in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.records.vocabulary import Millis
from state.log_reader import RawRecord
from streams.topics import (
    ACCOUNT,
    ACTIONS,
    ALERTS,
    ANOMALIES,
    CANDIDATES,
    COMMANDS,
    CONFLICTS,
    DECISIONS,
    DIAGNOSES,
    EVENTS,
    GROUPS,
    JOURNAL,
    LOGS,
    METRICS,
    NOTIFICATIONS,
    PREDICTIONS,
    RECOMMENDATIONS,
    SAMPLED,
    STORMS,
    Topic,
)  # fmt: skip

# All that a decision rests on, and all that decisions became.
DECIDED_FROM: tuple[Topic, ...] = (
    SAMPLED, ACCOUNT, STORMS, GROUPS, METRICS, LOGS, ANOMALIES, CANDIDATES, PREDICTIONS, DIAGNOSES, RECOMMENDATIONS, DECISIONS,
    ACTIONS, NOTIFICATIONS, COMMANDS, EVENTS, CONFLICTS,
)  # fmt: skip
# The journal is read first: what it tells of lies in the other topics by then.
WITHOUT_ALERTS: tuple[Topic, ...] = (JOURNAL, *DECIDED_FROM)
ALL: tuple[Topic, ...] = (*WITHOUT_ALERTS, ALERTS)

Place = tuple[str, int]  # topic, partition


@dataclass(frozen=True, slots=True)
class Recording:
    """One incident's records.

    Attributes:
        records: by topic, those of a partition in the order of their offsets.
        begins: of each partition that was read, the first offset that the log still kept; of those that nobody decided in, none.
        read_at: epoch ms; what came later is not in it.
        schemas: writers' schemas (JSON) that no history holds, by what frames call them: see `ops.reexecution.framing`.
    """

    incident_id: str
    records: Mapping[str, Sequence[RawRecord]]
    begins: Mapping[Place, int]
    read_at: Millis
    schemas: Mapping[str, str]

    def of(self, topic: Topic) -> Sequence[RawRecord]:
        """A topic's records."""
        return self.records.get(topic.name, ())
