"""What tells a native alert from a repetition of it."""

from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis


def alert_identity(alert: Alert, given_id: bool, given_time: bool) -> str | None:
    """Its id where the sender gave one; else its condition, start and text; None where it has neither id nor time."""
    if given_id:
        return f"{alert.tenant}\x1f{alert.alert_id}"
    return condition_identity(alert, alert.occurred_at, alert.message) if given_time else None


def condition_identity(alert: Alert, at: Millis, message: str) -> str:
    """The identity of an alert of this one's condition, at a time, with a text. It counts within this process only."""
    said = hash(message) & 0xFFFFFFFFFFFFFFFF
    return f"{alert.tenant}\x1f{alert.fingerprint}\x1f{at}\x1f{alert.status}\x1f{alert.severity}\x1f{said:x}"
