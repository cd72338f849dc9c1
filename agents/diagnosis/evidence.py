"""What a diagnosis keeps of alerts and anomalies: one fact a condition, bounded, each with its place in the log."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from schemas.records.analysis import Anomaly, AnomalyKind
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Evidence, Millis, Severity
from streams.stage import Position, Received

T = TypeVar("T")

# An evidence chain is read by people and copied into every record downstream.
SUMMARY_CHARS = 160
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where the records of one fact lie: all in one partition, the first and the last of them."""

    topic: str
    partition: int
    first: int
    last: int

    def evidence(self, summary: str, count: int) -> tuple[Evidence, ...]:
        """The first and the last of `count` records, told apart; one where they are the same."""
        first = self._place(self.first, summary)
        return (first,) if self.first == self.last else (first, self._place(self.last, f"{summary} (last of {count})"))

    def _place(self, offset: int, summary: str) -> Evidence:
        return Evidence(topic=self.topic, partition=self.partition, offset=offset, summary=summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFact:
    """One alerting condition: how often it was heard, the first and the last record, and whether it still holds.

    `first_at` is event time, `arrived_at` the arrival of the last record.
    """

    fingerprint: str
    name: str
    message: str
    severity: Severity
    firing: bool
    count: int
    span: Span
    first_at: Millis
    arrived_at: Millis

    @property
    def text(self) -> str:
        """What it says, name first."""
        return f"{self.name}: {self.message}"

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Its records."""
        return self.span.evidence(one_line(self.text), self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyFact:
    """One unusual series as it was last told, and since when (`first_at`, event time)."""

    incident_id: str
    series: str
    metric: str
    kind: AnomalyKind
    score: float
    value: float
    expected: float
    trend_per_min: float
    count: int
    evidence: Evidence
    first_at: Millis
    last_at: Millis
    arrived_at: Millis


def one_line(text: str, limit: int = SUMMARY_CHARS) -> str:
    """Text without control or direction characters, cut to `limit` characters.

    >>> one_line("disk\\x1b[31m full\\n")
    'disk [31m full'
    """
    clean = _UNPRINTABLE.sub(" ", text[: limit * 4]).strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def span_to(where: Position, known: Span | None) -> Span:
    """The span from the first record of a fact, if it was known, to the one here."""
    first = known.first if known else where.offset
    return Span(topic=where.topic, partition=where.partition, first=first, last=where.offset)


def bounded(facts: list[T], limit: int, worth: Callable[[T], Any]) -> list[T]:
    """The facts without the one of least worth where there is one more than `limit`."""
    if len(facts) <= limit:
        return facts
    least = min(facts, key=worth)
    return [fact for fact in facts if fact is not least]


def with_alert(facts: Sequence[AlertFact], received: Received[Alert], limit: int) -> list[AlertFact]:
    """The facts after an alert; where they are too many, the resolved, mild and old go first."""
    alert, where = received.record, received.position
    identity = alert.fingerprint or alert.name
    known = next((fact for fact in facts if fact.fingerprint == identity), None)
    fact = AlertFact(
        fingerprint=identity, name=one_line(alert.name), message=one_line(alert.message), severity=alert.severity,
        firing=alert.status == AlertStatus.FIRING, count=known.count + 1 if known else 1,
        span=span_to(where, known.span if known else None),
        first_at=known.first_at if known else alert.occurred_at, arrived_at=where.arrived_at,
    )  # fmt: skip
    others = [other for other in facts if other is not known]
    return bounded([*others, fact], limit, lambda f: (f.firing, f.severity.rank, f.arrived_at))


def with_anomaly(facts: Sequence[AnomalyFact], received: Received[Anomaly], limit: int) -> list[AnomalyFact]:
    """The facts after an anomaly; figures that are not finite say nothing and change nothing."""
    told = received.record
    if not all(map(math.isfinite, (told.score, told.value, told.expected, told.trend_per_min))):
        return list(facts)
    known = next((fact for fact in facts if fact.series == told.series), None)
    fact = _anomaly_fact(received)
    if known:
        fact = replace(fact, count=known.count + 1, first_at=min(known.first_at, fact.first_at))
    others = [other for other in facts if other is not known]
    return bounded([*others, fact], limit, lambda f: (f.score, f.arrived_at))


def _anomaly_fact(received: Received[Anomaly]) -> AnomalyFact:
    told, where = received.record, received.position
    summary = one_line(f"{told.service} {told.metric}: {told.summary}")
    return AnomalyFact(
        incident_id=told.incident_id, series=told.series, metric=told.metric, kind=told.kind,
        score=min(1.0, max(0.0, told.score)), value=told.value, expected=told.expected,
        trend_per_min=told.trend_per_min, count=1, evidence=where.evidence(summary),
        first_at=told.occurred_at, last_at=told.occurred_at, arrived_at=where.arrived_at,
    )  # fmt: skip
