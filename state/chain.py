"""The hash chain of an incident: each event carries the SHA-256 of what it says, bound to the hash of the one before.

The bytes that are hashed (`encode`), so that any program can check a chain:

    one field after another, without anything in between:
        text "breakwater/IncidentEvent/1" (names this encoding), then, in this order,
        text event_id, text incident_id, text tenant, int version, int episode, text type, text payload,
        int occurred_at, int recorded_at, text agent, text correlation_id, text causation_id,
        text source_topic, int source_partition, int source_offset, int command_offset, text previous_hash
    of an event with a `basis` the first text is "breakwater/IncidentEvent/2", and text basis comes last
    text: byte 0x73 ("s"), the length in bytes as 8-byte unsigned big endian, that many bytes of UTF-8 as they were
          recorded (no Unicode normalisation, no re-serialisation of the payload's JSON)
    int:  byte 0x69 ("i"), 8-byte two's complement big endian

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
ENCODING_WITH_BASIS = "breakwater/IncidentEvent/2"
FIELDS: tuple[str, ...] = (
    "event_id", "incident_id", "tenant", "version", "episode", "type", "payload", "occurred_at", "recorded_at", "agent",
    "correlation_id", "causation_id", "source_topic", "source_partition", "source_offset", "command_offset",
    "previous_hash", "basis",
)  # fmt: skip

_TEXT = struct.Struct(">cQ")
_SHORT = 4096


class _Before(dict[int, bytes]):
    """What stands before a text of so many bytes; most are short, and theirs is looked up."""

    def __missing__(self, length: int) -> bytes:
        return _TEXT.pack(b"s", length)


_BEFORE = _Before((length, _TEXT.pack(b"s", length)) for length in range(_SHORT))
_NAME, _NAME_WITH_BASIS = (_BEFORE[len(name)] + name.encode() for name in (ENCODING, ENCODING_WITH_BASIS))
_TWO_INTS, _THREE_INTS = struct.Struct(">cqcq"), struct.Struct(">cqcqcq")


def encode(event: IncidentEvent) -> bytes:
    """The bytes of an event that its hash is taken over; `event.hash` does not matter.

    Raises:
        UnicodeEncodeError: a text holds a lone surrogate, which no record on the wire can.
        struct.error: a number does not fit into 64 bits, which no record on the wire can.
    """
    e = event  # one field after another, as FIELDS has them: in a loop it takes twice as long, and it is done for each event
    texts = (
        e.event_id, e.incident_id, e.tenant, e.type, e.payload, e.agent, e.correlation_id, e.causation_id, e.source_topic,
        e.previous_hash, e.basis,
    )  # fmt: skip
    id_, incident, tenant, kind, payload, agent, correlation, causation, source, previous, basis = [
        t.encode() for t in texts
    ]
    return b"".join((
        _NAME_WITH_BASIS if basis else _NAME,
        _BEFORE[len(id_)], id_, _BEFORE[len(incident)], incident, _BEFORE[len(tenant)], tenant,
        _TWO_INTS.pack(b"i", e.version, b"i", e.episode),
        _BEFORE[len(kind)], kind, _BEFORE[len(payload)], payload,
        _TWO_INTS.pack(b"i", e.occurred_at, b"i", e.recorded_at),
        _BEFORE[len(agent)], agent, _BEFORE[len(correlation)], correlation, _BEFORE[len(causation)], causation,
        _BEFORE[len(source)], source,
        _THREE_INTS.pack(b"i", e.source_partition, b"i", e.source_offset, b"i", e.command_offset),
        _BEFORE[len(previous)], previous, *((_BEFORE[len(basis)], basis) if basis else ()),
    ))  # fmt: skip


def digest(event: IncidentEvent) -> str:
    """The hash that an event should carry: 64 hex digits."""
    return hashlib.sha256(encode(event)).hexdigest()


def seal(event: IncidentEvent) -> IncidentEvent:
    """The event with its hash filled in; `previous_hash` must be set."""
    return replace(event, hash=digest(event))


def seal_new(event: IncidentEvent) -> IncidentEvent:
    """As `seal`, of an event that nobody else has seen yet: it is not copied for it."""
    object.__setattr__(event, "hash", digest(event))
    return event


def check(event: IncidentEvent) -> bool:
    """Whether an event still says what it said when it was sealed."""
    return event.hash == digest(event)
