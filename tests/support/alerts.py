"""Alerts by the hundred thousand, as they are on the wire."""

from dataclasses import replace

from schemas.codec import Codec
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier

CODEC = Codec(Alert)
START = 1_700_000_000_000
ALERT = Alert(
    alert_id="a", incident_id="inc-0", tenant="t", environment="prod", service="checkout", name="HighCpu",
    severity=Severity.ERROR, status=AlertStatus.FIRING, tier=Tier.IMPORTANT, fingerprint="f", source="host-1",
    occurred_at=START, received_at=START, message="cpu at 97 %", labels={"pod": "checkout-1", "zone": "a"},
)  # fmt: skip


def framed(**changes: object) -> bytes:
    """One alert with some fields changed."""
    return CODEC.encode(replace(ALERT, **changes))  # type: ignore[arg-type]


def storm(count: int, incidents: int = 20) -> list[tuple[str, bytes]]:
    """Keys and values of alerts over some incidents and half a minute of event time, of 5,000 different kinds."""
    kinds = [
        (
            f"inc-{n % incidents}",
            framed(
                incident_id=f"inc-{n % incidents}", fingerprint=f"f{n % 50}", occurred_at=START + (n % 30) * 1000 + n % 7,
                severity=list(Severity)[n % 4], status=AlertStatus.RESOLVED if n % 97 == 0 else AlertStatus.FIRING,
            ),
        )
        for n in range(min(count, 5000))
    ]  # fmt: skip
    return [kinds[n % len(kinds)] for n in range(count)]
