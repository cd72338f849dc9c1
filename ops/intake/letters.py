"""Dead letters of the intake: what came in and was refused, byte for byte, and why."""

import hashlib
from collections.abc import Mapping

from ops.intake.arrival import Arrival
from schemas.records.log import DeadLetter

STAGE = "intake"
# The path a body came by; with it, `dlq redrive` maps the body anew.
PATH_HEADER = "intake-path"
# What surrounded a refused item, as JSON; the item is read again with it.
ENVELOPE_HEADER = "intake-envelope"
# Of a whole body, the places of the items that were refused: only they are read again.
ITEMS_HEADER = "intake-items"
# The place of an item in its body: what came together goes back in its order.
INDEX_HEADER = "intake-index"
# That the sender may name no other tenant than its own: its letter is read again under the same bond.
BOUND_HEADER = "intake-bound"
# Headers of the request by which a body is read.
KEPT_HEADERS = frozenset(("content-type", "content-encoding", "x-prometheus-remote-write-version"))

NOT_JSON = "not_json"
INVALID = "invalid"
OVERSIZED = "oversized"
UNREADABLE = "unreadable"
UNPACKABLE = "unpackable"
UNSUPPORTED = "unsupported"

# A record may have 2 MiB; the rest is for the letter's other fields and Kafka's framing.
LONGEST_VALUE = 1_900_000


def refused(
    value: bytes | None,
    *,
    topic: str,
    reason: str,
    detail: str,
    arrival: Arrival,
    headers: Mapping[str, bytes],
    tenant: str | None = None,
) -> DeadLetter:
    """The letter of a refused input; its position is -1, for it never was on a topic.

    A value beyond `LONGEST_VALUE` cannot be kept: the letter then tells its size and SHA-256.
    """
    if value is not None and len(value) > LONGEST_VALUE:
        detail += f" Not kept: {described(len(value), hashlib.sha256(value).hexdigest())}."
        value = None
    return DeadLetter(
        dead_letter_id=arrival.new_id(),
        topic=topic,
        partition=-1,
        offset=-1,
        key=None,
        value=value,
        headers=dict(headers),
        stage=STAGE,
        reason=reason,
        detail=detail,
        tenant=tenant or arrival.tenant,
        occurred_at=arrival.received_at,
    )


def described(size: int, sha256: str) -> str:
    """Bytes that are not kept, told so that their sender can find them."""
    return f"{size} bytes, sha256 {sha256}"
