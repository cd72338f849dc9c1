"""Labelled incidents of every kind as detection hears of them: alerts, anomalies and accounts of a minute, seeded.

Each has the symptoms of its kind and the words of the tools that tell of them, and what real ones have besides: effects (latency,
errors) that say nothing of the kind, signals of a confusable kind, unrelated alerts, stray anomalies, senders that are missing
and clocks that are off. Quiet days have all of that but the trouble. Only the seed decides.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.records.analysis import Anomaly
from schemas.records.intake import Alert
from schemas.records.sampling import AlertAccount
from schemas.records.vocabulary import Classification, Millis, Severity
from tests.support.signals import NOW, account, alert, anomaly, resolved

Signal = Alert | Anomaly | AlertAccount
K = Classification
DAY_MS = 86_400_000
LASTS_MS = 60_000

Metric = tuple[str, float, float, float]  # name, value, expected, trend a minute
Words = tuple[str, str]  # an alert's name and message


@dataclass(frozen=True, slots=True)
class Symptoms:
    """What a kind shows: metrics of its cause, words of its alerts, labels of them, and what it is confused with."""

    metrics: tuple[Metric, ...]
    words: tuple[Words, ...]
    labels: dict[str, str] = field(default_factory=dict)
    beside: tuple[Metric, ...] = ()
    confusing: tuple[Words, ...] = ()


# The names and messages are those of kube-prometheus, the node, mysqld and postgres exporters' rules, and of what people write.
SYMPTOMS: dict[Classification, Symptoms] = {
    K.MEMORY_LEAK: Symptoms(
        metrics=(("memory_limit_ratio", 0.8, 0.4, 0.5), ("process_heap_bytes", 9e8, 4e8, 2e7), ("jvm_gc_pause_ms", 400, 20, 30)),
        words=(
            ("MemoryGrowing", "heap at 83 % of limit and rising"), ("GcOverhead", "GC overhead limit near"),
            ("HeapNotReturned", "heap after full gc keeps growing"), ("OutOfMemory", "java.lang.OutOfMemoryError"),
            ("ContainerOOMKilled", "container was oom killed"), ("MemoryLeakSuspected", "working set grows for 20 minutes"),
        ),
        confusing=(("HighMemoryUsage", "memory above 80 %"), ("HighCpu", "cpu above 90 %")),
        beside=(("cpu_ratio", 0.9, 0.4, 0.0),),
    ),
    K.RESOURCE_EXHAUSTION: Symptoms(
        metrics=(("cpu_ratio", 0.98, 0.4, 0.0), ("disk_used_ratio", 0.97, 0.6, 0.0), ("open_fds", 1020, 300, 0.0)),
        words=(
            ("CPUThrottlingHigh", "processes are throttled"), ("NodeFilesystemOutOfSpace", "no space left on device"),
            ("HighCpuLoad", "load average 48 on 8 cores"), ("DiskFull", "disk /var at 97 %"),
            ("FdExhaustion", "file descriptors exhausted"), ("QuotaExceeded", "cpu quota used up"),
        ),
        confusing=(("HighLatency", "p99 above 2 s"), ("HighMemoryUsage", "memory above 90 %")),
        beside=(("request_rate", 150, 100, 0.0),),
    ),
    K.DATABASE_FAILURE: Symptoms(
        metrics=(("db_query_duration_ms", 5000, 40, 0.0), ("db_connections", 100, 20, 0.0), ("postgres_deadlocks", 30, 0, 0.0)),
        words=(
            ("PostgresqlDown", "postgres does not answer"), ("TooManyConnections", "FATAL: too many connections for role app"),
            ("SlowQueries", "slow queries: 400 in a minute"), ("ReplicationLag", "replication lag 300 s"),
            ("DbConnectionPoolExhausted", "connection pool timeout after 30 s"), ("DeadlockDetected", "deadlock on table orders"),
        ),
        confusing=(("HighCpuLoad", "load average 30"), ("ConnectionRefused", "connection refused: 5432")),
        beside=(("connections_active", 180, 40, 0.0),),
    ),
    K.CASCADE: Symptoms(
        metrics=(),
        words=(
            ("UpstreamTimeout", "upstream payments timed out"), ("DependencyDown", "dependency ledger is unavailable"),
            ("CircuitOpen", "circuit open: upstream search failing"), ("UpstreamErrors", "upstream orders-db returned 503"),
        ),
        labels={"upstream": "payments"},
        confusing=(("ConnectionReset", "connection reset by peer"), ("ThreadPoolBusy", "thread pool saturated")),
        beside=(("connections_active", 180, 40, 0.0),),
    ),
    K.DDOS: Symptoms(
        metrics=(("request_rate", 9000, 300, 0.0), ("ingress_packets", 1e6, 2e4, 0.0), ("http_requests_per_s", 8000, 400, 0.0)),
        words=(
            ("TrafficSpike", "traffic spike: 30 times the usual"), ("SynFlood", "possible SYN flood on port 443"),
            ("RateLimited", "rate limit exceeded for 40,000 clients"), ("DDoSDetected", "denial of service pattern"),
        ),
        confusing=(("HighCpuLoad", "load average 40"), ("ConntrackFull", "network connection table nearly full")),
        beside=(("cpu_ratio", 0.97, 0.4, 0.0), ("connections_active", 4000, 300, 0.0)),
    ),
    K.DEPLOYMENT_REGRESSION: Symptoms(
        metrics=(),
        words=(
            ("KubePodCrashLooping", "pod is in crash loop since rollout 42"), ("CanaryFailing", "canary error rate 12 %"),
            ("ErrorsAfterDeploy", "errors doubled since deploy of v2.31"), ("RolloutStuck", "rollout has not finished"),
        ),
        labels={"release": "v2.31"},
        confusing=(("HighMemoryUsage", "memory above 80 %"), ("ConnectionRefused", "connection refused: 8080")),
        beside=(("memory_limit_ratio", 0.6, 0.5, 0.0),),
    ),
    K.NETWORK: Symptoms(
        metrics=(("packet_loss_ratio", 0.2, 0.0, 0.0), ("tcp_retransmits", 900, 10, 0.0), ("dns_failures_net", 50, 0, 0.0)),
        words=(
            ("PacketLoss", "packet loss 20 % to 10.2.0.0/16"), ("NetworkUnreachable", "network is unreachable"),
            ("DnsFailures", "dns lookups fail"), ("TlsHandshakeErrors", "tls handshake failed"),
            ("LinkDown", "link down on eth1"), ("ConnectionReset", "connection reset by peer"),
        ),
        confusing=(("UpstreamTimeout", "upstream payments timed out"), ("DbConnectError", "database connect failed")),
        beside=(("connections_active", 160, 40, 0.0),),
    ),
    K.UNKNOWN: Symptoms(
        metrics=(),
        words=(
            ("HighErrorRate", "errors above 5 %"), ("SyntheticCheckFailed", "login check fails"),
            ("SloBurn", "error budget burns"),
            ("OrdersMissing", "no orders for 5 minutes"), ("HighLatency", "p99 above 2 s"),
        ),
    ),
}  # fmt: skip
_EFFECTS: tuple[Metric, ...] = (("latency_ms", 900, 100, 5.0), ("error_ratio", 0.2, 0.001, 0.01))
_UNRELATED: tuple[Words, ...] = (
    ("CertificateExpires", "certificate ends in 20 days"), ("BackupLate", "backup is 2 h late"),
    ("HighLatency", "p99 above 1 s"), ("DiskFilling", "disk /data at 71 %"), ("JobFailed", "nightly report failed"),
    ("DeployFinished", "deploy of v2.30 finished"), ("ReplicaRestarted", "a replica was restarted"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    """One labelled incident: its kind, its onset (epoch ms of event time), its signals with their arrival times, in order."""

    kind: Classification
    onset: Millis
    signals: list[tuple[Millis, Signal]]


def trouble(kind: Classification, seed: int) -> Trouble:
    """An incident of a kind; one seed makes one incident."""
    rng = random.Random(f"{kind}-{seed}")
    skew_ms = int(rng.gauss(0, 1500)) if rng.random() < 0.2 else 0
    found = [*_noise(rng, NOW - 300_000, NOW + LASTS_MS, 2.0), *_symptoms(kind, rng, NOW)]
    late = sorted((max(s.occurred_at + rng.randrange(50, 1500) + skew_ms, 0), i) for i, s in enumerate(found))
    signals: list[tuple[Millis, Signal]] = [(at, found[i]) for at, i in late]
    return Trouble(kind, NOW, sorted([*signals, *_accounts(found)], key=lambda pair: pair[0]))


def quiet_day(seed: int) -> list[tuple[Millis, Signal]]:
    """A service's day without trouble: alerts that come and go, strays, its account."""
    rng = random.Random(f"quiet-{seed}")
    found = sorted(_noise(rng, NOW, NOW + DAY_MS, 0.04), key=lambda s: s.occurred_at)
    signals: list[tuple[Millis, Signal]] = [(s.occurred_at + rng.randrange(50, 1500), s) for s in found]
    return sorted([*signals, *_accounts(found)], key=lambda pair: pair[0])


def _symptoms(kind: Classification, rng: random.Random, onset: Millis) -> Iterator[Alert | Anomaly]:
    shown = SYMPTOMS[kind]
    with_metrics = rng.random() < 0.85 or kind is K.UNKNOWN
    with_alerts = not with_metrics or rng.random() < 0.85 or not shown.metrics
    if with_metrics:
        causes = rng.sample(shown.metrics, rng.randint(1, len(shown.metrics))) if shown.metrics else []
        beside = [metric for metric in shown.beside if rng.random() < 0.3]
        for metric in [*causes, *(e for e in _EFFECTS if rng.random() < 0.8 or not causes), *beside]:
            yield from _course(metric, rng, onset + rng.randrange(500, 9000))
    if with_alerts:
        words = rng.sample(shown.words, rng.randint(2, len(shown.words)))
        confusing = [word for word in shown.confusing if rng.random() < 0.25]
        for word in words:
            labels = shown.labels if rng.random() < 0.5 else {}
            yield from _firing(word, rng, onset + rng.randrange(500, 12_000), labels)
        for word in confusing:
            yield from _firing(word, rng, onset + rng.randrange(3000, 30_000), {}, sources=1)


def _course(metric: Metric, rng: random.Random, since: Millis) -> Iterator[Anomaly]:
    """A series that is off from now on: an anomaly every second or two, some points missing."""
    name, value, expected, trend = metric
    at = since
    while at < NOW + LASTS_MS:
        if rng.random() < 0.8:
            score = 1 - 10 ** -rng.uniform(3, 5)
            yield anomaly(
                name, at, value=value * rng.uniform(0.85, 1.15), expected=expected, trend_per_min=trend * rng.uniform(0.7, 1.3),
                score=score, anomaly_id=f"{name}-{at}",
            )  # fmt: skip
        at += rng.randrange(800, 2200)


def _firing(
    word: Words, rng: random.Random, since: Millis, labels: dict[str, str], sources: int = 0
) -> Iterator[Alert]:
    """An alert that fires from several sources, and again and again."""
    name, message = word
    severity = rng.choices([Severity.WARNING, Severity.ERROR, Severity.CRITICAL], [2, 5, 3])[0]
    for source in range(sources or rng.randint(1, 4)):
        at = since + rng.randrange(0, 4000)
        while at < NOW + LASTS_MS:
            yield alert(name, at, message=message, severity=severity, source=f"prom-{source}", labels=labels)
            at += rng.randrange(3000, 12_000)


def _noise(rng: random.Random, since: Millis, until: Millis, per_min: float) -> Iterator[Alert | Anomaly]:
    """What goes on all the time: unrelated alerts that clear, and single unusual points."""
    at: float = since
    while (at := at + rng.expovariate(per_min / 10) * 60_000) < until:
        begun = int(at)
        if rng.random() < 0.2:
            name = rng.choice(["latency_ms", "request_rate", "cpu_ratio", "memory_limit_ratio"])
            yield anomaly(name, begun, value=2.0, expected=1.0, trend_per_min=0.0, score=1 - 10 ** -rng.uniform(2, 3.2))
            continue
        name, message = rng.choice(_UNRELATED)
        severity = rng.choices([Severity.INFO, Severity.WARNING], [2, 3])[0]
        yield alert(name, begun, message=message, severity=severity, source="nagios")
        yield resolved(
            name, begun + rng.randrange(60_000, 600_000), message=message, severity=severity, source="nagios"
        )


def _accounts(found: list[Alert | Anomaly]) -> Iterator[tuple[Millis, AlertAccount]]:
    """The account of each 10 s window with alerts, told as it closes."""
    windows: dict[int, int] = {}
    for signal in found:
        if isinstance(signal, Alert):
            windows[signal.occurred_at // 10_000 * 10_000] = windows.get(signal.occurred_at // 10_000 * 10_000, 0) + 1
    total = 0
    for start, received in sorted(windows.items()):
        total += received
        yield start + 10_500, account(received, start, total=total)
