"""What detection remembers of one incident: signals, what it told of them, and where the current episode stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agents.detection.alert_rates import AlertRates
from agents.detection.clues import Clue
from agents.detection.conditions import Conditions
from schemas.records.sampling import StormChanged
from schemas.records.vocabulary import Classification, Evidence, Millis, Severity, Tier


@dataclass(frozen=True, slots=True)
class CandidateRules:
    """When signals are an incident. Times ending in `_s` are seconds of event time, but where arrival is said."""

    anomaly_threshold: float = 0.99  # score of an alert rate
    sure_score: float = 0.999  # a metric anomaly of this score needs only an alert beside it
    metric_repeats: int = 3
    metric_repeat_s: float = 30.0
    metric_lasts_s: float = 8.0  # from first to last: two series that measure one thing repeat nothing
    critical_repeats: int = 3  # in a minute; the first of its fingerprint needs none
    rate_alerts: int = 20
    error_rate_alerts: int = 5  # where one of them is an ERROR or worse
    error_times: float = 4.0  # as many as usual, for errors that go on
    quiet_s: float = 3600.0  # event time between alerts, and arrival time with none
    cool_down_s: float = 15.0  # of arrival and of event time, each: what falls within is an echo of the episode
    retell_s: float = 5.0  # of arrival, between two statements or accounts
    clear_s: float = 10.0  # of arrival, without a metric anomaly
    metric_clear_s: float = 300.0  # of arrival, where no alert can say that it is over
    together_s: float = 600.0  # what grouping says of an incident holds for its alerts within this
    unconfirmed_s: float = 120.0  # of arrival, until a command that brought no event is given up


class Phase(StrEnum):
    """Where the episode stands. OPENING and ENDING: commanded, not yet an event."""

    IDLE = "idle"
    OPENING = "opening"
    ACTIVE = "active"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class Told:
    """The last statement on the episode; `at` is its arrival time, `revision` counts statements."""

    classification: Classification = Classification.UNKNOWN
    severity: Severity = Severity.INFO
    confidence: float = 0.0
    revision: int = 0
    at: Millis = 0
    parent: str = ""
    users: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The newest totals of the incident's alerts, and where they were told."""

    received: int
    kept: int
    suppressed: int
    late: int
    dead_lettered: int
    upto: int
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class MetricAlarm:
    """A metric anomaly: when (event time), how unusual."""

    at: Millis
    score: float


@dataclass(frozen=True, slots=True)
class News:
    """What is unusual together, as of event time `at`."""

    because: str
    at: Millis


@dataclass(frozen=True, slots=True)
class Parent:
    """The incident that people are told of for this one, as of event time `at`."""

    incident_id: str
    at: Millis


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One record that statements may rest on, of event time `at`; the newest of its subject (a fingerprint, a series) holds."""

    subject: str
    evidence: Evidence
    at: Millis = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """The whole of it. `heard_at` is the incident's newest event time, `arrived_at` its newest arrival."""

    incident_id: str
    tenant: str = ""
    environment: str = ""
    service: str = ""
    tier: Tier = Tier.IMPORTANT  # until an alert tells; metrics do not
    affected_users: int = 0  # the most that an alert of the episode named
    phase: Phase = Phase.IDLE
    phase_since: Millis = 0
    episode: int = 0
    version: int = 0
    ended_at: Millis | None = None
    ended_arrival: Millis = 0
    ended_quiet: bool = False
    heard_at: Millis = 0
    arrived_at: Millis = 0
    conditions: Conditions = field(default_factory=Conditions)
    rates: AlertRates = field(default_factory=AlertRates)
    alarms: tuple[MetricAlarm, ...] = ()
    alarmed_arrival: Millis = 0
    heard: Mapping[str, Millis] = field(default_factory=dict)
    clues: tuple[Clue, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    stale_s: float = 0.0
    late_share: float = 0.0
    skew_s: float = 0.0
    storm: StormChanged | None = None
    storm_told: str = ""
    told: Told = field(default_factory=Told)
    decided: bool = False
    acting: str = ""
    account: Account | None = None
    account_told_upto: int = -1
    account_told_arrival: Millis = 0
    news: News | None = None
    parent: Parent | None = None

    @property
    def active(self) -> bool:
        """Whether an episode is under way, as far as is known."""
        return self.phase in (Phase.OPENING, Phase.ACTIVE)

    def event_time(self, now: Millis) -> Millis:
        """The event time at arrival time `now`: the newest that was heard, and as long since as it arrived ago."""
        return self.heard_at + max(0, now - self.arrived_at) if self.heard_at else now

    def may_open(self, at: Millis, now: Millis, rules: CandidateRules) -> bool:
        """Whether a signal of event time `at` may open the next episode at arrival time `now`."""
        return self.phase is Phase.IDLE and not self.echoes(at, now, rules)

    def echoes(self, at: Millis, now: Millis, rules: CandidateRules) -> bool:
        """Whether a signal of event time `at` that arrives at `now` belongs to the episode that is over.

        By event time, as much of a storm is read long after it was sent; and by arrival, as clocks of sources may be ahead.
        """
        if self.active or self.ended_at is None:
            return False
        cooling = not self.ended_quiet and now - self.ended_arrival < rules.cool_down_s * 1000
        return cooling or at <= self.echoes_until(rules)

    def echoes_until(self, rules: CandidateRules) -> Millis:
        """The event time up to which signals are of episodes that are over; -1 where there were none."""
        if self.ended_at is None:
            return -1
        # After an hour's silence nothing flaps; the cool-down is for the echo of a remedy.
        return self.ended_at if self.ended_quiet else self.ended_at + int(rules.cool_down_s * 1000)
