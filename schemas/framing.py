"""How an Avro body is framed on the wire: single-object encoding without a registry, Confluent's format with one.

Avro 1.11, "Single-object encoding": C3 01, the schema's CRC-64-AVRO fingerprint (8 bytes), the body.
Confluent wire format: 00, the schema's id in the registry (4 bytes, big endian), the body.
"""

from dataclasses import dataclass

from schemas.errors import DecodeError

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"
SINGLE_OBJECT_BYTES = 10
CONFLUENT_BYTES = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """What a message's first bytes say: by which schema it was written, and where the body begins."""

    fingerprint: bytes | None
    registry_id: int | None
    body_at: int


def frame_of(message: bytes) -> Frame:
    """Read a message's frame.

    Raises:
        DecodeError: `empty`, `truncated` or `not_avro`.
    """
    if not message:
        raise DecodeError("empty", "The message has no bytes.")
    if message[:2] == SINGLE_OBJECT:
        if len(message) < SINGLE_OBJECT_BYTES:
            raise DecodeError(
                "truncated", f"The message ends after {len(message)} bytes, within its schema fingerprint."
            )
        return Frame(message[2:SINGLE_OBJECT_BYTES], None, SINGLE_OBJECT_BYTES)
    if message[:1] == CONFLUENT:
        if len(message) < CONFLUENT_BYTES:
            raise DecodeError("truncated", f"The message ends after {len(message)} bytes, within its schema id.")
        return Frame(None, int.from_bytes(message[1:CONFLUENT_BYTES], "big"), CONFLUENT_BYTES)
    raise DecodeError(
        "not_avro", f"The message begins with {message[:2].hex()}, neither c301 nor 00: it is not framed Avro."
    )


def single_object(fingerprint: bytes) -> bytes:
    """The 10 bytes before a body written by the schema of this fingerprint."""
    return SINGLE_OBJECT + fingerprint


def confluent(registry_id: int) -> bytes:
    """The 5 bytes before a body written by the schema of this id."""
    return CONFLUENT + registry_id.to_bytes(4, "big")
