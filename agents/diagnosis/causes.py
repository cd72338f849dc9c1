"""What words and metrics say about a cause. Plain tables: an operator can read why a diagnosis said what it said."""

import re
from dataclasses import dataclass
from functools import lru_cache

from agents.diagnosis.evidence import AnomalyFact
from agents.series.metric_names import Family, family
from schemas.records.analysis import AnomalyKind
from schemas.records.vocabulary import Classification

# Strengths are the chance that the cause is there, given only this: a name of the trouble, or a mere mention of the resource.
NAMED = 0.6
MENTIONED = 0.35


@dataclass(frozen=True, slots=True)
class Sign:
    """What one record says: which cause, how strongly (0 to 1); `load` where more capacity would help."""

    classification: Classification
    strength: float
    load: bool = False


_WORDS: tuple[tuple[Classification, str, str], ...] = (
    (
        Classification.MEMORY_LEAK,
        r"out of memory|oom|oom ?killed|memory leak\w*|leaking memory|gc overhead|heap (?:at|space|usage|full|exhaust\w*)",
        r"memory|heap|gc|garbage collect\w*|rss",
    ),
    (
        Classification.DATABASE_FAILURE,
        r"(?:database|db|postgres\w*|mysql|sql) (?:is )?(?:down|un\w+able|fail\w*|error\w*|timed? ?out|not respond\w*)"
        r"|(?:database|db) connections? (?:exhaust\w*|not available|time ?outs?)"
        r"|connection pool (?:is )?(?:exhaust\w*|full)|too many connections|deadlocks?|replica\w* lag|lock wait timeout"
        r"|could not connect to (?:the )?(?:database|db|postgres\w*|mysql)|slow quer\w+",
        r"database|db|postgre\w*|mysql|mongo|mariadb|sql|jdbc|connection pool",
    ),
    (
        Classification.RESOURCE_EXHAUSTION,
        r"no space left|disk (?:is )?(?:almost )?full|too many open files|file descriptors?|thread pool exhausted"
        r"|resource exhaust\w*|quota exceeded|out of inodes|cpu (?:throttl\w+|saturat\w+|starv\w+|at|usage|high)|high cpu",
        r"cpu|disk|threads?|saturat\w+|load average|throttl\w+|filesystem|volume|inodes?",
    ),
    (
        Classification.DDOS,
        r"d ?dos|denial of service|(?:syn|http|udp|request|connection) flood|flood(?:ed|ing)?|botnet|amplification attack",
        r"too many requests|rate limit\w*|traffic (?:spike|surge)|request rate|requests per second|load shed\w*",
    ),
    (
        Classification.DEPLOYMENT_REGRESSION,
        r"bad (?:deploy\w*|release)|(?:deploy\w*|rollout|release|migration) (?:\w+ )?fail\w*|crash ?loop\w*|regression"
        r"|no such method|class not found|undefined symbol|(?:after|since) (?:the )?(?:deploy\w*|release|rollout)",
        r"deploy\w*|released?|rollout|canary|config\w* changed?|new version",
    ),
    (
        Classification.NETWORK,
        r"packet loss|network (?:is )?(?:unreachable|partition\w*|down)|no route to host|dns (?:fail\w*|error\w*|timeout)"
        r"|name resolution|link down|tls handshake",
        r"network|dns|connection reset|retransmi\w+",
    ),
)  # fmt: skip
_CAUSES = tuple((c, re.compile(rf"\b(?:{strong})\b"), re.compile(rf"\b(?:{weak})\b")) for c, strong, weak in _WORDS)
_LOAD = re.compile(r"\b(?:cpu|load|saturat\w+|throttl\w+|thread pool|queue)\b")
_QUEUE = re.compile(r"\b(?:queue|queued|backlog)\b")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=8192)
def words_of(text: str) -> str:
    """Lower-case words with single spaces, `CamelCase` and `snake_case` taken apart, spaces at both ends.

    >>> words_of("java.lang.OutOfMemoryError: GC_overhead")
    ' java lang out of memory error gc overhead '
    """
    return f" {_BETWEEN.sub(' ', _CAMEL.sub(' ', text).lower()).strip()} "


@lru_cache(maxsize=8192)
def signs_in(text: str) -> tuple[Sign, ...]:
    """The causes that a text speaks of; at most one sign a cause."""
    words = words_of(text)
    found = []
    for classification, named, mentioned in _CAUSES:
        strength = NAMED if named.search(words) else MENTIONED if mentioned.search(words) else 0.0
        if strength:
            load = classification == Classification.RESOURCE_EXHAUSTION and _LOAD.search(words) is not None
            found.append(Sign(classification, strength, load))
    return tuple(found)


def mentions(text: str, service: str) -> bool:
    """Whether a text names a service."""
    name = words_of(service)
    return len(name) > 2 and name in words_of(text)


def signs_of(fact: AnomalyFact) -> tuple[Sign, ...]:
    """The causes that an unusual series speaks of; none for symptoms such as latency, errors and alert rates."""
    if fact.kind != AnomalyKind.METRIC:
        return ()
    measured, above = family(fact.metric), fact.value > fact.expected
    if measured is Family.MEMORY:
        return _memory(fact, above)
    if measured is Family.DATABASE:
        return (Sign(Classification.DATABASE_FAILURE, 0.6 * fact.score),)
    if measured is Family.NETWORK:
        return (Sign(Classification.NETWORK, 0.5 * fact.score),)
    if measured is Family.TRAFFIC and above:
        return _traffic(fact)
    if measured in (Family.CPU, Family.DISK, Family.CONNECTIONS) and above:
        return _capacity(fact)
    return ()


def _traffic(fact: AnomalyFact) -> tuple[Sign, ...]:
    """Three times the usual is a flood; less, or a queue, is more work than is done, whatever the reason."""
    if _QUEUE.search(words_of(fact.metric)):
        exhausted = Sign(Classification.RESOURCE_EXHAUSTION, 0.3 * fact.score, load=True)
        return (Sign(Classification.DDOS, 0.3 * fact.score, load=True), exhausted)
    flood = fact.expected > 0 and fact.value >= 3 * fact.expected
    return (Sign(Classification.DDOS, (0.7 if flood else 0.3) * fact.score, load=True),)


def _capacity(fact: AnomalyFact) -> tuple[Sign, ...]:
    words = words_of(fact.metric)
    if " pool " in words and " thread " not in words:
        # Most pools that run dry are of connections to a database.
        database = Sign(Classification.DATABASE_FAILURE, 0.4 * fact.score)
        return (Sign(Classification.RESOURCE_EXHAUSTION, 0.45 * fact.score), database)
    load = _LOAD.search(words) is not None
    return (Sign(Classification.RESOURCE_EXHAUSTION, 0.6 * fact.score, load=load),)


def _memory(fact: AnomalyFact, above: bool) -> tuple[Sign, ...]:
    """A leak keeps rising; memory that is high and stays there is merely short."""
    if fact.trend_per_min > 0:
        return (Sign(Classification.MEMORY_LEAK, 0.7 * fact.score),)
    return (Sign(Classification.RESOURCE_EXHAUSTION, 0.4 * fact.score),) if above else ()
