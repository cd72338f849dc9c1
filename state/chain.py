"""The hash chain of an incident: each event carries the SHA-256 of what it says, bound to the hash of the one before.

The bytes that are hashed (`encode`), so that any program can check a chain:

    one field after another, without anything in between:
        text "breakwater/IncidentEvent/1" (names this encoding), then, in this order,
        text event_id, text incident_id, text tenant, int version, int episode, text type, text payload,
        int occurred_at, int recorded_at, text agent, text correlation_id, text causation_id,
        text source_topic, int source_partition, int source_offset, int command_offset, text previous_hash
    text: byte 0x73 ("s"), the length in bytes as 8-byte unsigned big endian, that many bytes of UTF-8 as they were
          recorded (no Unicode normalisation, no re-serialisation of the payload's JSON)
    int:  byte 0x69 ("i"), 8-byte two's complement big endian
    none: byte 0x6E ("n"), for a field that may be and is absent (version 1 has none such)

`hash` is the SHA-256 of these bytes as 64 lower-case hex digits. The `previous_hash` of version 1 is 64 zeros. Nothing of
the record is left out but `hash` itself; the event's own place in the log (partition, offset) is the broker's and is in
no field.
"""

import hashlib
import struct
from dataclasses import replace

from schemas.records.log import IncidentEvent

GENESIS = "0" * 64

ENCODING = "breakwater/IncidentEvent/1"
FIELDS: tuple[str, ...] = (
    "event_id", "incident_id", "tenant", "version", "episode", "type", "payload", "occurred_at", "recorded_at", "agent",
    "correlation_id", "causation_id", "source_topic", "source_partition", "source_offset", "command_offset",
    "previous_hash",
)  # fmt: skip

_TEXT = struct.Struct(">cQ")
_INT = struct.Struct(">cq")
_NONE = b"n"


def encode(event: IncidentEvent) -> bytes:
    """The bytes of an event that its hash is taken over; `event.hash` does not matter.

    Raises:
        UnicodeEncodeError: a text holds a lone surrogate, which no record on the wire can.
        struct.error: a number does not fit into 64 bits, which no record on the wire can.
    """
    return b"".join([_field(ENCODING), *(_field(getattr(event, name)) for name in FIELDS)])


def digest(event: IncidentEvent) -> str:
    """The hash that an event should carry: 64 hex digits."""
    return hashlib.sha256(encode(event)).hexdigest()


def seal(event: IncidentEvent) -> IncidentEvent:
    """The event with its hash filled in; `previous_hash` must be set."""
    return replace(event, hash=digest(event))


def check(event: IncidentEvent) -> bool:
    """Whether an event still says what it said when it was sealed."""
    return event.hash == digest(event)


def _field(value: str | int | None) -> bytes:
    if value is None:
        return _NONE
    if isinstance(value, int):
        return _INT.pack(b"i", value)
    text = value.encode("utf-8")
    return _TEXT.pack(b"s", len(text)) + text
