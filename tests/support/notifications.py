"""A notification as the notices stage makes them; every field can be said otherwise."""

from dataclasses import replace
from typing import Any

from schemas.records.command import Notification, NotificationState
from schemas.records.vocabulary import Severity
from streams.stage import Received
from streams.topics import NOTIFICATIONS
from tests.support.episode import INCIDENT, NOW, received


def notification(**changes: Any) -> Notification:
    """Checkout is in trouble, by the webhook."""
    record = Notification(
        notification_id="notification-1", incident_id=INCIDENT, tenant="acme", episode=1, sequence=1,
        channel="webhook", state=NotificationState.QUEUED, status="opened", severity=Severity.CRITICAL,
        dedup_key=f"{INCIDENT}:opened:CRITICAL", title="[CRITICAL] checkout: memory leak opened",
        body="What happened: checkout leaks.", detail="", occurred_at=NOW,
        links={"timeline": f"breakwater incidents timeline {INCIDENT}"},
    )  # fmt: skip
    return replace(record, **changes)


def queued(number: int = 1, **changes: Any) -> Received[Notification]:
    """The `number`-th notification, as it arrives at the sender."""
    record = notification(notification_id=f"notification-{number}", sequence=number, **changes)
    return received(record, NOTIFICATIONS, offset=number)
