"""Days of a tenant's alerts on several services: what comes every hour, and trouble that spreads. Seeded."""

import random

from schemas.identity import alert_fingerprint, incident_id
from schemas.records.intake import Alert
from schemas.records.vocabulary import AlertStatus, Severity, Tier

BEGIN = 1_700_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SERVICES = ("cart", "db", "mail", "search", "shop", "web")
# When, on which service, what was never heard before: two troubles, the second of which spreads to others of the same names.
TROUBLES = (
    (3 * DAY_MS + 7 * HOUR_MS, "mail", ("audit off", "root shell")),
    (4 * DAY_MS + 15 * HOUR_MS, "db", ("replica lost", "disk slow")),
    (4 * DAY_MS + 15 * HOUR_MS + 90_000, "shop", ("replica lost", "pool empty")),
)


def alert_of(service: str, name: str, at: int, severity: Severity = Severity.WARNING) -> Alert:
    """A firing alert."""
    return Alert(
        alert_id=f"{service}-{name}-{at}", incident_id=incident_id("acme", "prod", service), tenant="acme",
        environment="prod", service=service, name=name, severity=severity, status=AlertStatus.FIRING, tier=Tier.IMPORTANT,
        fingerprint=alert_fingerprint("acme", "prod", service, name, "probe"), source="probe", occurred_at=at,
        received_at=at, message=name,
    )  # fmt: skip


def alert_days(days: int = 5, seed: int = 7) -> list[Alert]:
    """In order of time: logins and scans by the hour, a burst of logins on day three, and the troubles."""
    dice, found = random.Random(seed), []
    for hour in range(days * 24):
        for service in SERVICES:
            at = BEGIN + hour * HOUR_MS + dice.randrange(HOUR_MS // 2)
            found += [alert_of(service, name, at + dice.randrange(HOUR_MS // 4)) for name in ("login", "scan")]
    burst = BEGIN + 3 * DAY_MS + 20 * HOUR_MS + 55 * 60_000
    found += [alert_of("web", "login", burst + n * 300) for n in range(150)]
    found += [
        alert_of(service, name, BEGIN + at + n * 7_000)
        for at, service, names in TROUBLES
        for n in range(3)
        for name in names
    ]
    return sorted(found, key=lambda alert: (alert.occurred_at, alert.service, alert.name))
