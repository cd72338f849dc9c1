"""From facts to signals: what each alert, series and line of log says for which explanation, and how strongly."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from agents.diagnosis.causes import Sign, mentions, signs_in, signs_of
from agents.diagnosis.evidence import AlertFact, AnomalyFact, one_line
from agents.diagnosis.log_evidence import LogFact
from agents.diagnosis.neighbourhood import Suspect
from agents.series.values import in_words
from schemas.records.analysis import AnomalyKind, IncidentCandidate
from schemas.records.vocabulary import Classification, Evidence, Millis, Severity

# Detection's first guess counts this much of its confidence: it saw part of the same evidence.
GUESS = 0.3
# An upstream service that is surely unusual explains a dependent's trouble this often.
UPSTREAM = 0.75
# Own alerts or logs that name the suspect, or another service on the way to it.
NAMES_SUSPECT = 0.5
NAMES_WAY = 0.4
# An alert that only informs, such as of a deployment that went well.
MILD = 0.5
# A service between that shows nothing unusual makes the way less likely; it may merely be unobserved.
SILENT_HOP = 0.85
# A suspect that needs this service too may be its victim as well as its cause.
MUTUAL = 0.5
# One whose trouble began later than this after the incident's own is less likely its cause; clocks and detectors differ.
LATER_MS = 60_000
LATER = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that one diagnosis rests on. `since` is when the incident's own trouble began (event time)."""

    candidate: IncidentCandidate
    guess: Evidence
    alerts: list[AlertFact] = field(default_factory=list)
    anomalies: list[AnomalyFact] = field(default_factory=list)
    logs: list[LogFact] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    now: Millis

    @property
    def since(self) -> Millis:
        """When the earliest of the incident's own evidence happened."""
        starts = (
            [f.first_at for f in self.alerts] + [f.first_at for f in self.anomalies] + [f.first_at for f in self.logs]
        )
        return min(starts, default=self.candidate.occurred_at)

    @property
    def heard_at(self) -> Millis:
        """When the newest of the incident's own evidence arrived; now, where there is none."""
        arrivals = [f.arrived_at for f in self.alerts] + [f.arrived_at for f in self.anomalies]
        return max(arrivals + [f.arrived_at for f in self.logs], default=self.now)

    def kinds(self) -> tuple[str, ...]:
        """The kinds of evidence there are, of alerts, metrics, logs and topology."""
        present = {
            "alerts": any(f.firing for f in self.alerts),
            "metrics": any(f.kind == AnomalyKind.METRIC for f in self.anomalies),
            "logs": bool(self.logs),
            "topology": bool(self.suspects),
        }
        return tuple(kind for kind, there in present.items() if there)


@dataclass(frozen=True, slots=True)
class Signal:
    """One record's word for one explanation; `source` is the kind of evidence, within which words are not independent."""

    source: str
    sign: Sign
    text: str
    evidence: tuple[Evidence, ...]


def own_signals(case: Case) -> Iterator[Signal]:
    """What speaks for causes within the service itself."""
    guess, confidence = case.candidate.classification, min(1.0, max(0.0, case.candidate.confidence))
    if guess not in (Classification.UNKNOWN, Classification.CASCADE) and confidence > 0:
        sign = Sign(guess, GUESS * confidence)
        yield Signal("detection", sign, f"detection takes it for {named(guess)}", (case.guess,))
    others = [name for suspect in case.suspects for name in suspect.path]
    # Many sources may fire one alert: people are told of it once.
    heard: Counter[str] = Counter()
    for alert in case.alerts:
        heard[alert.name] += alert.count if alert.firing else 0
    for alert in case.alerts:
        worth = MILD if alert.severity == Severity.INFO else 1.0
        for sign in _own_signs(alert.text, others) if alert.firing else ():
            scaled = replace(sign, strength=sign.strength * worth)
            yield Signal("alerts", scaled, f"alert {alert.name} x{heard[alert.name]}", alert.evidence)
    for fact in case.anomalies:
        for sign in signs_of(fact):
            yield Signal("metrics", sign, series_text(fact), (fact.evidence,))
    for line in case.logs:
        for sign in _own_signs(line.sample, others):
            yield Signal("logs", sign, f"log “{one_line(line.sample, 80)}” x{line.count}", line.evidence)


def upstream_signals(case: Case, suspect: Suspect) -> Iterator[Signal]:
    """What speaks for the trouble of a service upstream being the cause of this one's."""
    kind = cause_of(suspect)
    weight = _chain_weight(case, suspect)
    told = (suspect.named.evidence,) if suspect.named else ()
    for fact in suspect.anomalies[:3]:
        # Of many services that are looked at, one is unusual by chance: Bonferroni's bound on that chance is taken off.
        chance = min(1.0, suspect.looked_at * (1.0 - fact.score))
        strength = UPSTREAM * fact.score * (1.0 - chance) * weight
        yield Signal(
            "topology",
            Sign(kind, strength),
            f"{suspect.service} {series_text(fact)}",
            (fact.evidence, *told, *suspect.edges),
        )
    if case.candidate.classification == Classification.CASCADE:
        sign = Sign(kind, GUESS * min(1.0, max(0.0, case.candidate.confidence)))
        yield Signal("detection", sign, "detection takes it for a cascade", (case.guess,))
    for alert in case.alerts:
        if alert.firing and (strength := _names(alert.text, suspect)):
            yield Signal("alerts", Sign(kind, strength), f"alert {alert.name} names what it needs", alert.evidence)
    for line in case.logs:
        if strength := _names(line.sample, suspect):
            yield Signal("logs", Sign(kind, strength), f"{line.count} log lines name what it needs", line.evidence)


def cause_of(suspect: Suspect) -> Classification:
    """What ails a suspect: what its own diagnosis says, else what its series tell most of, and its name if they tell it too."""
    if suspect.named is not None:
        return suspect.named.classification
    doubts: dict[Classification, float] = {}
    for sign in (sign for fact in suspect.anomalies for sign in signs_of(fact)):
        doubts[sign.classification] = doubts.get(sign.classification, 1.0) * (1.0 - sign.strength)
    for sign in signs_in(suspect.service):
        if sign.classification in doubts:
            doubts[sign.classification] *= 1.0 - sign.strength
    return min(doubts, key=lambda kind: (round(doubts[kind], 9), kind), default=Classification.UNKNOWN)


def named(classification: Classification) -> str:
    """A classification as people say it.

    >>> named(Classification.MEMORY_LEAK), named(Classification.UNKNOWN)
    ('memory leak', 'unknown cause')
    """
    words = {
        Classification.UNKNOWN: "unknown cause",
        Classification.DDOS: "DDoS",
        Classification.NETWORK: "network fault",
    }
    return words.get(classification, classification.replace("_", " ").lower())


def series_text(fact: AnomalyFact) -> str:
    """An unusual series in words."""
    trend = f", {in_words(fact.trend_per_min, '+')} a minute" if fact.trend_per_min else ""
    return f"{fact.metric} at {in_words(fact.value)} (expected {in_words(fact.expected)}{trend})"


def strongest_first(signals: Iterable[Signal]) -> list[Signal]:
    """Signals by strength; equals by text, so that the order is that of no container."""
    return sorted(signals, key=lambda s: (-s.sign.strength, s.source, s.text))


def _own_signs(text: str, others: Sequence[str]) -> tuple[Sign, ...]:
    """What a text says of causes within the service: nothing where it speaks of a service that this one needs."""
    signs = signs_in(text)
    return () if signs and any(mentions(text, name) for name in others) else signs


def _names(text: str, suspect: Suspect) -> float:
    if mentions(text, suspect.service):
        return NAMES_SUSPECT
    return NAMES_WAY if any(mentions(text, name) for name in suspect.path) else 0.0


def _chain_weight(case: Case, suspect: Suspect) -> float:
    began = min(fact.first_at for fact in suspect.anomalies)
    later = LATER if began > case.since + LATER_MS else 1.0
    mutual = MUTUAL if suspect.mutual else 1.0
    return float(SILENT_HOP**suspect.silent_hops) * later * mutual
