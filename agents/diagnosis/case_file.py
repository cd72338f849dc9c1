"""What diagnosis remembers of one incident: its evidence, bounded, and how far its present episode was diagnosed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from agents.diagnosis.evidence import AlertFact, AnomalyFact, one_line, with_alert, with_anomaly
from agents.diagnosis.log_evidence import LogFact, with_line
from schemas.records.analysis import Anomaly, IncidentCandidate
from schemas.records.intake import Alert, LogLine
from schemas.records.vocabulary import Classification, Evidence, Millis
from streams.stage import Received


class Dated(Protocol):
    """A fact with the arrival of its last record."""

    @property
    def arrived_at(self) -> Millis:
        """Epoch ms."""


F = TypeVar("F", bound=Dated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The last diagnosis of the episode: the `number`-th, made at `at` of the candidate's classification `of`."""

    number: int
    at: Millis
    of: Classification
    root_cause: str
    confidence: float
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Detection's last word on the open episode, without its own evidence (that is on record elsewhere), and its place."""

    candidate: IncidentCandidate
    trigger: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """One incident. `episode` is the last that was heard of and `over` once it ended; `opening` is there while it is open.

    `due_at` is when a diagnosis is made at the latest, None where none is wanted; `looked_at` when one was last tried.
    """

    episode: int = 0
    over: bool = False
    opening: Opening | None = None
    due_at: Millis | None = None
    looked_at: Millis = 0
    told: Told | None = None
    decided: bool = False
    heard_at: Millis = 0
    alerts: list[AlertFact] = field(default_factory=list)
    anomalies: list[AnomalyFact] = field(default_factory=list)
    logs: list[LogFact] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether it holds no evidence."""
        return not (self.alerts or self.anomalies or self.logs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much evidence one incident keeps; at these defaults its state stays below 40 KB."""

    alerts: int = 24
    series: int = 16
    templates: int = 16
    window_s: float = 300.0


def with_evidence(file: CaseFile, received: Received[Alert | Anomaly | LogLine], bounds: Bounds) -> CaseFile:
    """The file after a record of evidence, without what is older than the window in arrival time."""
    record, now = received.record, received.position.arrived_at
    file = replace(file, heard_at=max(file.heard_at, now))
    if isinstance(record, Alert):
        file = replace(file, alerts=with_alert(file.alerts, Received(record, received.position), bounds.alerts))
    elif isinstance(record, Anomaly):
        file = replace(file, anomalies=with_anomaly(file.anomalies, Received(record, received.position), bounds.series))
    else:
        file = replace(file, logs=with_line(file.logs, Received(record, received.position), bounds.templates))
    return since(file, now - int(bounds.window_s * 1000))


def since(file: CaseFile, start: Millis) -> CaseFile:
    """The file without facts that were last heard before `start` (arrival time)."""
    return replace(
        file, alerts=_since(file.alerts, start), anomalies=_since(file.anomalies, start), logs=_since(file.logs, start)
    )


def closed(episode: int) -> CaseFile:
    """The file of an incident whose episode has ended: nothing but the number."""
    return CaseFile(episode=episode, over=True)


def opened(file: CaseFile, received: Received[IncidentCandidate], wait_ms: Millis) -> CaseFile:
    """The file at the first candidate of an episode; what an earlier one was diagnosed of is not evidence any more."""
    if file.told is not None:
        file = since(file, file.told.at + 1)
    return CaseFile(
        episode=received.record.episode, opening=opening_of(received), due_at=received.position.arrived_at + wait_ms,
        heard_at=file.heard_at, alerts=file.alerts, anomalies=file.anomalies, logs=file.logs,
    )  # fmt: skip


def opening_of(received: Received[IncidentCandidate]) -> Opening:
    """A candidate as it is kept."""
    told = received.record
    said = f"candidate {told.classification} at {told.confidence:.2f}: {one_line(told.title, 80)}"
    return Opening(candidate=replace(told, evidence=[]), trigger=received.position.evidence(said))


def _since(facts: Sequence[F], start: Millis) -> list[F]:
    return [fact for fact in facts if fact.arrived_at >= start]
