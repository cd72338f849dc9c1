"""The words that records share: severities, kinds of action, stages, and the unit of time."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

# Milliseconds since 1970-01-01T00:00Z. Every time in a record has this unit.
Millis: TypeAlias = int


# Of a record's field: the field of the same record that says whose personal data it is (state.personal).
PERSONAL_OF = "personal_of"


def personal(subject_field: str) -> Any:
    """A text that is sealed with the key of the person whom `subject_field` names, before it goes to the event store."""
    return field(metadata={PERSONAL_OF: subject_field})


class Severity(StrEnum):
    """How bad an alert says that it is; `rank` orders them."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for INFO to 3 for CRITICAL."""
        return list(Severity).index(self)


class AlertStatus(StrEnum):
    """Whether the condition behind an alert holds."""

    FIRING = "FIRING"
    RESOLVED = "RESOLVED"


class Tier(StrEnum):
    """What a service is worth to the business."""

    SUPPORTING = "SUPPORTING"
    IMPORTANT = "IMPORTANT"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for SUPPORTING to 2 for CRITICAL."""
        return list(Tier).index(self)


class Classification(StrEnum):
    """What kind of trouble an incident is."""

    UNKNOWN = "UNKNOWN"
    RESOURCE_EXHAUSTION = "RESOURCE_EXHAUSTION"
    MEMORY_LEAK = "MEMORY_LEAK"
    DATABASE_FAILURE = "DATABASE_FAILURE"
    CASCADE = "CASCADE"
    DDOS = "DDOS"
    DEPLOYMENT_REGRESSION = "DEPLOYMENT_REGRESSION"
    NETWORK = "NETWORK"


class Action(StrEnum):
    """What a remedy does to its target. NOOP: nothing to be done here, wait until it clears."""

    NOOP = "NOOP"
    RESTART = "RESTART"
    SCALE_UP = "SCALE_UP"
    ROLLBACK = "ROLLBACK"


class Agent(StrEnum):
    """The participants of consensus and the other stages that write events."""

    SAMPLING = "sampling"
    DETECTION = "detection"
    PREDICTION = "prediction"
    DIAGNOSIS = "diagnosis"
    CONSENSUS = "consensus"
    RESOLUTION = "resolution"
    COMMUNICATION = "communication"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One record that a statement rests on, by its position in the log, and what it says."""

    topic: str
    partition: int
    offset: int
    summary: str
