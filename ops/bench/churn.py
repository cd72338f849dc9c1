"""Alerts of ever new incidents: what a worker's memory is measured with."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.codec import Codec
from schemas.identity import alert_fingerprint
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Millis, Severity, Tier
from schemas.template import avro_long

# Incidents that alert at the same time.
_ABREAST = 500
_TOKEN = "00000000"  # noqa: S105 - stands where an incident's number goes
_TIME = 1_700_000_000_000  # takes as many bytes as any time of these decades


@dataclass(frozen=True, slots=True)
class Churn:
    """So many alerts; each incident has `per_incident` of them, each of another condition, and is never heard of again."""

    alerts: int
    per_incident: int = 20
    density_per_s: int = 50_000

    @property
    def incidents(self) -> int:
        """How many incidents there are in all."""
        return -(-self.alerts // self.per_incident)


def churning_alerts(work: Churn, now: Millis) -> Iterator[tuple[bytes, bytes]]:
    """Key and framed bytes of every alert, the last one dated `now`."""
    moulds = [_mould(condition) for condition in range(work.per_incident)]
    first, received = now - work.alerts * 1000 // work.density_per_s, avro_long(now)
    block, token = _ABREAST * work.per_incident, _TOKEN.encode()
    for number in range(work.alerts):
        incident = b"%08x" % (number // block * _ABREAST + number % _ABREAST)
        head, middle, tail = moulds[number // _ABREAST % work.per_incident]
        at = avro_long(first + number * 1000 // work.density_per_s)
        whole = b"%b%08x%b%b%b%b" % (head, number, middle, at, received, tail)
        yield b"churn-" + incident, whole.replace(token, incident)


def _mould(condition: int) -> tuple[bytes, bytes, bytes]:
    """The bytes before the id, between it and the times, and behind them; `_TOKEN` stands for the incident."""
    service, name = f"service-{_TOKEN}", f"Condition{condition:02d}"
    where = ("default", "production", service)
    alert = Alert(
        alert_id="********",
        incident_id=f"churn-{_TOKEN}",
        tenant=where[0],
        environment=where[1],
        service=service,
        name=name,
        severity=list(Severity)[condition % 4],
        status=AlertStatus.FIRING,
        tier=Tier.IMPORTANT,
        fingerprint=alert_fingerprint(*where, name, "")[:8] + _TOKEN,
        source=f"host-{condition:02d}",
        occurred_at=_TIME,
        received_at=_TIME,
        message="queue is full",
    )
    head, rest = Codec(Alert).encode(alert).split(alert.alert_id.encode(), 1)
    middle, tail = rest.split(avro_long(_TIME) * 2, 1)
    return head, middle, tail
