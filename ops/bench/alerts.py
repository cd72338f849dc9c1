"""The alerts that sampling is measured with: 178 bytes each, of 1,000 incidents with 20 fingerprints; one incident makes 40 %."""

import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from confluent_kafka import KafkaError, Producer

from ops.bench.errors import BenchError
from schemas.codec import Codec
from schemas.identity import alert_fingerprint
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis, Severity, Tier
from schemas.template import avro_long
from streams.partitioning import PARTITIONER
from streams.topics import ALERTS

ALERT_BYTES = 178
HOT_SHARE = 0.4
_CHUNK = 1000
_SEED = 7
_TIME = 1_700_000_000_000  # takes as many bytes as any time of these decades

# An alert's key, and its bytes but for the id and the times.
_Mould = tuple[bytes, bytes, bytes, bytes]
_avro_long = lru_cache(maxsize=64)(avro_long)


@dataclass(frozen=True, slots=True)
class Workload:
    """How many alerts, and how many of them fall into a second of event time: `density_per_s`."""

    alerts: int = 500_000
    incidents: int = 1_000
    fingerprints: int = 20
    density_per_s: int = 50_000


def workload_alerts(work: Workload, now: Millis) -> Iterator[tuple[bytes, bytes]]:
    """Key and framed bytes of every alert, the last one dated `now`; the same at each call but for the times."""
    codec = Codec(Alert)
    moulds = [mould for incident in range(work.incidents) for mould in _moulds(codec, incident, work.fingerprints)]
    calm = (1 - HOT_SHARE) / max(1, work.incidents - 1)
    shares = list(accumulate(HOT_SHARE if at < work.fingerprints else calm for at in range(len(moulds))))
    source = random.Random(_SEED)  # noqa: S311 - it shall be foreseeable
    first = now - work.alerts * 1000 // work.density_per_s
    received = avro_long(now)
    for begin in range(0, work.alerts, _CHUNK):
        drawn = source.choices(moulds, cum_weights=shares, k=min(_CHUNK, work.alerts - begin))
        for number, (key, head, middle, tail) in enumerate(drawn, begin):
            times = _avro_long(first + number * 1000 // work.density_per_s) + received
            yield key, b"%b%08x%b%b%b" % (head, number, middle, times, tail)


def fill(bootstrap: str, work: Workload) -> None:
    """Put a workload on the raw topic, in batches as the product's own producer makes them.

    Raises:
        BenchError: Kafka did not take all of it within a minute.
    """
    send_all(bootstrap, workload_alerts(work, time.time_ns() // 1_000_000))


def send_all(bootstrap: str, records: Iterable[tuple[bytes, bytes]], topic: str = ALERTS.name) -> None:
    """Put records, keys and framed bytes, on a topic.

    Raises:
        BenchError: Kafka did not take all of them within a minute of the last one.
    """
    producer = Producer(producer_settings(bootstrap, linger_ms=20))
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.05)
    if left := producer.flush(60):
        raise BenchError(f"Kafka took all records but {left} within a minute. See that the disk is not full.")


def producer_settings(bootstrap: str, linger_ms: int) -> dict[str, Any]:
    """A producer as the product has it: idempotent, acknowledged by all, compressed, partitioned alike."""
    return {
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": PARTITIONER,
        "compression.type": "lz4",
        "linger.ms": linger_ms,
        "log_level": 3,
        # Only failures are worth a call into Python.
        "delivery.report.only.error": True,
        "on_delivery": _told,
    }


def _told(error: KafkaError | None, _message: object) -> None:
    if error is not None:
        raise BenchError(f"Kafka did not take a record: {error.str()}. See that the disk is not full.")


def _moulds(codec: Codec[Alert], incident: int, conditions: int) -> Iterator[_Mould]:
    # The message's length takes one byte, as it is below 64.
    message = "x" * (ALERT_BYTES - len(codec.encode(_alert(incident, 0, ""))))
    times = avro_long(_TIME) * 2
    for condition in range(conditions):
        alert = _alert(incident, condition, message)
        head, rest = codec.encode(alert).split(alert.alert_id.encode(), 1)
        middle, tail = rest.split(times, 1)
        yield alert.incident_id.encode(), head, middle, tail


def _alert(incident: int, condition: int, message: str) -> Alert:
    service, name, source = f"service-{incident:04d}", f"Condition{condition:02d}", f"host-{condition:02d}"
    where = ("default", "production", service)
    return Alert(
        alert_id="********",
        incident_id=f"bench-{incident:04d}",
        tenant=where[0],
        environment=where[1],
        service=service,
        name=name,
        severity=list(Severity)[condition % 4],
        status=AlertStatus.FIRING,
        tier=list(Tier)[incident % 3],
        fingerprint=alert_fingerprint(*where, name, source),
        source=source,
        occurred_at=_TIME,
        received_at=_TIME,
        message=message,
    )
