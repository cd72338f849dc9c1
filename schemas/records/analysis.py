"""What the analysis app says: anomalies, incident candidates, predictions, diagnoses, recommendations."""

from dataclasses import dataclass, field
from enum import StrEnum

from schemas.records.vocabulary import Action, Agent, Classification, Evidence, Millis, Severity, Tier


class AnomalyKind(StrEnum):
    """Which detector spoke."""

    METRIC = "METRIC"
    ALERT_RATE = "ALERT_RATE"
    STORM = "STORM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """Something unusual on one series; `score` is 0 to 1, the share of past behaviour that was less unusual."""

    anomaly_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    kind: AnomalyKind
    series: str
    metric: str
    score: float
    value: float
    expected: float
    trend_per_min: float
    summary: str
    occurred_at: Millis
    evidence: list[Evidence]


class CandidateState(StrEnum):
    """OPEN: a person should know. CLEARED: all that fired has resolved. QUIET: nothing was heard for long."""

    OPEN = "OPEN"
    CLEARED = "CLEARED"
    QUIET = "QUIET"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality:
    """How far a statement can be trusted: sources that spoke and that were missing, and the age of the newest in s.

    `missing_share` is the weight of what is missing (0 to 1), `skew_s` how far the newest signal's clock is ahead.
    """

    sources: list[str]
    missing: list[str]
    stale_s: float
    late_share: float
    missing_share: float = 0.0
    skew_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCandidate:
    """Detection's word on an incident: that it opens (or has cleared), and what kind of trouble it seems to be.

    `by_threshold`: nothing of another source came within 30 s, so that it rests on one threshold alone. `parent_incident_id` is
    the incident that people are told of for both, where they are unusual together; "" where there is none. `affected_users` is
    the most that an alert of the episode named; 0 where none did.
    """

    candidate_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    tier: Tier
    episode: int
    state: CandidateState
    severity: Severity
    classification: Classification
    confidence: float
    confidence_low: float
    confidence_high: float
    quality: DataQuality
    title: str
    occurred_at: Millis
    evidence: list[Evidence]
    by_threshold: bool = False
    parent_incident_id: str = ""
    affected_users: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """P(a series passes `level` between `from_s` and `to_s` seconds from now); `breach_in_s` is the median of the hits.

    `odds` are the probabilities by other horizons, in s ("900", "1800", "5400"). `warned`: the model's own bar, learned from
    verified outcomes, calls for a warning, whatever the probability.

    With an `outcome` ("hit", "false", "miss") it tells what became of the prediction `of`, made at `made_at`: `squared_error` is
    (probability - came)², `breach_in_s` how long after that the breach came. Of a miss there is no prediction: its
    `probability` is what was given to it just before.
    """

    prediction_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    series: str
    metric: str
    probability: float
    level: float
    value: float
    trend_per_min: float
    from_s: int
    to_s: int
    breach_in_s: float | None
    model: str
    occurred_at: Millis
    evidence: list[Evidence]
    outcome: str = ""
    of: str = ""
    made_at: Millis = 0
    squared_error: float = 0.0
    warned: bool = False
    odds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One explanation: which service is at fault, of what, how sure, resting on which records."""

    service: str
    classification: Classification
    confidence: float
    rationale: str
    evidence: list[Evidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The competing explanations of an incident, most likely first. `parent_incident_id` is set where another is to blame."""

    diagnosis_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    episode: int
    root_cause: str
    classification: Classification
    confidence: float
    parent_incident_id: str | None
    hypotheses: list[Hypothesis]
    partial: bool
    occurred_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What one agent would do about an episode, or that it has nothing to say (`abstains`)."""

    recommendation_id: str
    incident_id: str
    tenant: str
    environment: str
    service: str
    tier: Tier
    episode: int
    agent: Agent
    abstains: bool
    action: Action
    target: str
    confidence: float
    rationale: str
    evidence: list[Evidence]
    occurred_at: Millis
    parameters: dict[str, str] = field(default_factory=dict)
