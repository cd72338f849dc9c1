"""What signals say about the kind of trouble: words of alerts, and which metric does what. Clues fade, and weigh up."""

import re
from dataclasses import dataclass
from functools import lru_cache

from agents.series.metric_names import Family, family
from schemas.records.analysis import Anomaly
from schemas.records.intake import Alert
from schemas.records.vocabulary import Classification, Millis, Severity

HALF_LIFE_MS = 60_000
_MOST_WEIGHT = 100.0
# What is merely told for information or as a warning speaks softly: such words come every day, without any trouble.
_SHARES = {Severity.INFO: 0.1, Severity.WARNING: 0.4, Severity.ERROR: 1.0, Severity.CRITICAL: 1.5}

# Words of an alert's name and message. What is more specific is named first and weighs more.
_WORDS: tuple[tuple[Classification, float, str], ...] = (
    (Classification.MEMORY_LEAK, 1.0,
     r"memory leak|leak(?:s|ing)\b|out of memory|memory\b.{0,40}\b(?:rising|growing|grows|climb\w*)|"
     r"\boom|\bheap\b|gc overhead|garbage collect"),
    (Classification.DATABASE_FAILURE, 1.0,
     r"\bdatabase|\bdb\b|postgres|mysql|mariadb|oracle|mongo|cassandra|\bsql\b|deadlock|replication lag|too many connections|"
     r"connection pool|slow quer"),
    (Classification.DDOS, 1.0,
     r"\bddos|denial of service|syn flood|request flood|traffic (?:spike|flood|surge)|rate limit exceeded"),
    (Classification.DEPLOYMENT_REGRESSION, 1.0, r"\bdeploy|rollout|\breleased?\b|canary|crash ?loop|new version"),
    (Classification.NETWORK, 0.7,
     r"packet loss|network|\bdns\b|unreachable|connection re(?:set|fused)|no route|\btls\b|handshake|\bbgp\b|link down"),
    (Classification.RESOURCE_EXHAUSTION, 0.7,
     r"\bmemory\b|\bcpu\b|\bdisk\b|no space|file descriptors|saturat|exhaust|throttl|quota|load average"),
)  # fmt: skip
_PATTERNS = tuple((kind, weight, re.compile(words)) for kind, weight, words in _WORDS)
_UPSTREAM = re.compile(r"(?:upstream|dependency|dependent service|downstream)\s+(?:service\s+)?[\"']?([a-z0-9][\w.-]*)")
_FAILURE = re.compile(r"time(?:d )?[- ]?out|fail|unavailable|error|refus|slow|down|5\d\d|circuit")
_SEAMS = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])")  # of snake_case and CamelCase names
_UPSTREAM_LABELS = ("upstream", "depends_on", "upstream_service")
_OWN_HANDLES = re.compile(r"(?:^|[^a-z])(?:fds?|descriptors|threads?)(?:$|[^a-z])")  # a process's own, no database's
_QUEUE = re.compile(r"queue|backlog")
_FLOOD, _BUSY = 3.0, 2.0  # times the usual traffic
_DEPLOY_LABELS = ("deploy", "deployment_id", "release", "rollout")


@dataclass(frozen=True, slots=True)
class Clue:
    """How much speaks for one kind of trouble, as of a time; halves every minute of event time."""

    classification: Classification
    weight: float
    at: Millis

    def weight_at(self, now: Millis) -> float:
        """The weight that is left at `now`."""
        return float(self.weight * 0.5 ** (max(0, now - self.at) / HALF_LIFE_MS))


def with_clues(clues: tuple[Clue, ...], found: dict[Classification, float], at: Millis) -> tuple[Clue, ...]:
    """The clues with those found at `at` weighed in; one for each kind at most."""
    kept = {clue.classification: clue for clue in clues}
    for kind, weight in found.items():
        before = kept.get(kind)
        newest = max(at, before.at) if before else at
        total = weight + (before.weight_at(newest) if before else 0.0)
        kept[kind] = Clue(kind, min(_MOST_WEIGHT, total), newest)
    return tuple(kept.values())


def clues_of_alert(alert: Alert) -> dict[Classification, float]:
    """What an alert's labels, name and message speak for, and how strongly."""
    share = _SHARES[alert.severity]
    found = dict(_clues_of_text(alert.name, alert.message[:500], alert.service))
    upstream = next((alert.labels[label] for label in _UPSTREAM_LABELS if label in alert.labels), "")
    if upstream and upstream != alert.service:
        found[Classification.CASCADE] = 2.0
    if any(label in alert.labels for label in _DEPLOY_LABELS):
        found[Classification.DEPLOYMENT_REGRESSION] = 2.0
    return {kind: weight * share for kind, weight in found.items()}


@lru_cache(maxsize=4096)
def _clues_of_text(name: str, message: str, service: str) -> tuple[tuple[Classification, float], ...]:
    words = f"{_SEAMS.sub(' ', name)}: {message}".lower()
    upstream = _UPSTREAM.search(words)
    if upstream and upstream[1].rstrip(".-:") != service.lower() and _FAILURE.search(words):
        # The words that follow tell of the upstream's trouble, not of this service's.
        return ((Classification.CASCADE, 2.0),)
    return tuple((kind, weight) for kind, weight, pattern in _PATTERNS if pattern.search(words))


def clues_of_anomaly(anomaly: Anomaly) -> dict[Classification, float]:
    """What an unusual metric speaks for. Errors and latency tell that it hurts, not why."""
    measured, rising = family(anomaly.metric), anomaly.value > anomaly.expected
    if not rising:
        return {}
    if measured is Family.MEMORY:
        leak = anomaly.trend_per_min > 0
        return {Classification.MEMORY_LEAK if leak else Classification.RESOURCE_EXHAUSTION: 3.0}
    if measured in (Family.CPU, Family.DISK):
        return {Classification.RESOURCE_EXHAUSTION: 2.0}
    if measured is Family.CONNECTIONS:
        if _OWN_HANDLES.search(anomaly.metric.lower()):
            return {Classification.RESOURCE_EXHAUSTION: 2.0}
        return {Classification.RESOURCE_EXHAUSTION: 1.0, Classification.DATABASE_FAILURE: 1.0}
    if measured is Family.DATABASE:
        return {Classification.DATABASE_FAILURE: 3.0}
    if measured is Family.NETWORK:
        return {Classification.NETWORK: 2.0}
    if _QUEUE.search(anomaly.metric.lower()):
        # More comes in than is done: too much of the one, or too little of the other.
        return {Classification.DDOS: 1.0, Classification.RESOURCE_EXHAUSTION: 1.0}
    if measured is Family.TRAFFIC:
        times = anomaly.value / max(anomaly.expected, 1e-9)
        # A busy hour, or retries, double the traffic too.
        return {Classification.DDOS: 3.0 if times >= _FLOOD else 1.0} if times >= _BUSY else {}
    return {}
