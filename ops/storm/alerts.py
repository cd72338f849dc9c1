"""A generated alert storm: the same seed gives the same alerts, but for their times."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from ops.storm.shapes import CHANGING, Shape, share_of, status_at
from schemas.codec import Codec
from schemas.identity import alert_fingerprint, incident_id
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis, Severity, Tier
from schemas.template import AlertTemplate, avro_long

_NAMES = (
    "HighMemory", "OOMKilled", "HighLatency", "ErrorRateHigh", "ConnectionPoolExhausted", "QueueBacklog", "DiskPressure",
    "PodRestarting", "SlowQueries", "ReplicationLag", "HealthCheckFailed", "CPUThrottled",
)  # fmt: skip
_SERVICES = (
    "checkout", "payments", "cart", "search", "inventory", "shipping", "accounts", "catalog", "pricing", "reviews",
    "storefront", "mobile-api", "notifications", "recommendations", "ledger", "identity",
)  # fmt: skip
_CONDITIONS = 6  # of each incident
_HOSTS = 8
# Severities and tiers come in these proportions, the mildest first.
_SEVERITY_WEIGHTS = (20, 40, 28, 12)
_TIER_WEIGHTS = (50, 35, 15)
# In its last twentieth a storm subsides: what fired resolves.
_RESOLVING = 20
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Storm:
    """How large a storm is, over how many incidents, and which one it is. Its shape is one of ops.storm.shapes."""

    alerts: int = 100_000
    incidents: int = 50
    seed: int = 0
    tenant: str = "default"
    environment: str = "production"
    shape: Shape = Shape.ZIPF


def conditions(storm: Storm) -> list[Alert]:
    """Every condition that fires in a storm, an alert each, incident by incident; ids and times are empty."""
    source = random.Random(storm.seed)  # noqa: S311 - it shall be foreseeable
    return [alert for number in range(storm.incidents) for alert in _incident(storm, _service(number), source)]


def storm_alerts(
    storm: Storm, codec: Codec[Alert], clock: Callable[[], Millis], every: int = _CHUNK
) -> Iterator[tuple[bytes, bytes]]:
    """Key and framed bytes of every alert of a storm, in order.

    Args:
        storm: which.
        codec: the contract of alerts.
        clock: epoch ms. every: it is asked once in so many alerts, which have the same time.
    """
    firing = conditions(storm)
    templates = {AlertStatus.FIRING: [AlertTemplate(codec, a) for a in firing]}
    templates[AlertStatus.RESOLVED] = [AlertTemplate(codec, replace(a, status=AlertStatus.RESOLVED)) for a in firing]
    source = random.Random(storm.seed + 1)  # noqa: S311 - it shall be foreseeable
    shares = list(accumulate(share_of(storm.shape, at // _CONDITIONS, storm.incidents) for at in range(len(firing))))
    subsides_at = storm.alerts - storm.alerts // _RESOLVING
    plain, seen = storm.shape not in CHANGING, [0] * len(firing)
    for begin in range(0, storm.alerts, every):
        now = clock()
        received = avro_long(now)
        drawn = source.choices(range(len(firing)), cum_weights=shares, k=min(every, storm.alerts - begin))
        for number, draw in enumerate(drawn, begin):
            # While it subsides every condition gets its turn, so that none is left firing where there is room for all.
            fires = number < subsides_at
            status = AlertStatus.FIRING if fires else AlertStatus.RESOLVED
            place = draw if fires else (number - subsides_at) % len(firing)
            if not plain and fires:
                status = status_at(storm.shape, number / storm.alerts, seen[place], status)
                seen[place] += 1
            template = templates[status][place]
            yield template.key, template.fill(f"storm-{storm.seed}-{number}", now, received)


def _service(number: int) -> str:
    turn, place = divmod(number, len(_SERVICES))
    return _SERVICES[place] + (f"-{turn + 1}" if turn else "")


def _incident(storm: Storm, service: str, source: random.Random) -> list[Alert]:
    tier = source.choices(list(Tier), _TIER_WEIGHTS)[0]
    where = (storm.tenant, storm.environment, service)
    alerts = []
    for name in source.sample(_NAMES, _CONDITIONS):
        host = f"{service}-{source.randrange(_HOSTS)}"
        alerts.append(
            Alert(
                alert_id="",
                incident_id=incident_id(*where),
                tenant=storm.tenant,
                environment=storm.environment,
                service=service,
                name=name,
                severity=source.choices(list(Severity), _SEVERITY_WEIGHTS)[0],
                status=AlertStatus.FIRING,
                tier=tier,
                fingerprint=alert_fingerprint(*where, name, host),
                source=host,
                occurred_at=0,
                received_at=0,
                message=f"{name} on {host}",
            )
        )
    return alerts
