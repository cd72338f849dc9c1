"""What tells an alert from a repetition of it: its tenant and its id, which is the sender's or made of what it says."""

import hashlib

from schemas.records.intake import Alert
from schemas.records.vocabulary import Millis


def named_identity(tenant: str, alert_id: str) -> str:
    """The identity of a tenant's alert."""
    return f"{tenant}\x1f{alert_id}"


def condition_id(alert: Alert, at: Millis, message: str) -> str:
    """The id of an alert of this one's condition, at a time, with a text: the same whoever makes it, and whenever."""
    said = hashlib.blake2b(f"{alert.status}\x1f{alert.severity}\x1f{message}".encode(), digest_size=8).hexdigest()
    return f"{alert.fingerprint}-{at:x}-{said}"
