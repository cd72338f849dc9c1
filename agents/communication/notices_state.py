"""What the notices stage knows of an incident's present episode, and what people were told of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas.records.vocabulary import Evidence, Millis, Severity, Tier


class NoticeStatus(StrEnum):
    """What a notice is about; the middle of its deduplication key."""

    OPENED = "opened"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An opened incident that people are not told of yet: since when, and by which event."""

    event_id: str
    since: Millis
    source: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesState:
    """One incident. `sequence` counts notices over all episodes; `recent` has deduplication keys by when they were told.

    `decision` is the Decision's fields that people care for; `told` what they were told of in this episode.
    """

    episode: int = 0
    tenant: str = ""
    environment: str = ""
    service: str = ""
    tier: Tier = Tier.SUPPORTING
    affected_users: int = 0
    severity: Severity = Severity.WARNING
    title: str = ""
    classification: str = "UNKNOWN"
    root_cause: str = ""
    confidence: float = 0.0
    parent: str = ""
    decision: dict[str, Any] | None = None
    opened_at: Millis = 0
    opening: Opening | None = None
    told: list[NoticeStatus] = field(default_factory=list)
    sequence: int = 0
    recent: dict[str, Millis] = field(default_factory=dict)
