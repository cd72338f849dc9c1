"""Signed lists of all heads of a partition: what the log must still hold, however its tail is cut. Pure.

A head is packed as: the incident id's length in bytes (2 bytes big endian) and its UTF-8, the version and the version of the
newest snapshot (8 bytes big endian each), the hash's 32 bytes. One follows another. What is signed is `signed_bytes`.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.frozen import maker
from schemas.records.log import HeadsCheckpoint
from schemas.records.vocabulary import Millis
from state.head import Mark
from state.signing import SigningKey, signed_by

ENCODING = b"breakwater/HeadsCheckpoint/1"
# A part must fit Kafka's largest message; ids are at most 4 KiB long.
MAX_PART_BYTES = 900_000

# With 100,000 heads a checkpoint takes about a fifth of a second: at 5,000 events a second, of every 10 s.
LEAST_EVENTS, HEADS_AN_EVENT = 1_000, 2
LONGEST_MS = 60_000

_LENGTH = struct.Struct(">H")
_REST = struct.Struct(">QQ32s")
_SIGNED = struct.Struct(">qqqqqq")
_MARK = maker(Mark)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All heads of a partition as of `end`; see schemas.records.log.HeadsCheckpoint."""

    partition: int
    end: int
    covered_below: int
    signed_at: Millis
    marks: Mapping[str, Mark]


class CheckpointPlan:
    """When the next checkpoint is due: it costs a few microseconds a head, and what came after the last one is not covered.

    Args:
        since: epoch ms of the last checkpoint, or of the opening.
    """

    def __init__(self, since: Millis = 0) -> None:
        self._since = since
        self._events = 0

    def appended(self, events: int) -> None:
        """So many events more."""
        self._events += events

    def wants(self, now: Millis, heads: int, only_if_due: bool) -> bool:
        """Whether there is anything to sign, and, where that is asked, whether it is time."""
        many = self._events >= max(LEAST_EVENTS, heads // HEADS_AN_EVENT)
        return self._events > 0 and (not only_if_due or many or now - self._since >= LONGEST_MS)


def checkpoint_key(partition: int, part: int) -> bytes:
    """The key of a part: the next checkpoint of the partition replaces this one."""
    return f"{partition}/{part:06d}".encode()


def sign_heads(
    partition: int, marks: Iterable[Mark], end: int, covered_below: int, now: Millis, key: SigningKey
) -> list[HeadsCheckpoint]:
    """The records of a checkpoint; one without heads where there are none."""
    packed = list(_parts(_packed(mark) for mark in marks))
    whole = HeadsCheckpoint(
        partition=partition, end=end, covered_below=covered_below, part=0, parts=len(packed), heads=b"",
        signed_at=now, public_key=key.public, signature=b"",
    )  # fmt: skip
    parts = [replace(whole, part=at, heads=some) for at, some in enumerate(packed)]
    return [replace(part, signature=key.sign(signed_bytes(part))) for part in parts]


def signed_bytes(record: HeadsCheckpoint) -> bytes:
    """What the signature is over: the encoding's name, six numbers of 8 bytes big endian, the packed heads."""
    numbers = (record.partition, record.end, record.covered_below, record.part, record.parts, record.signed_at)
    return ENCODING + _SIGNED.pack(*numbers) + record.heads


def genuine(record: HeadsCheckpoint) -> bool:
    """Whether the owner of the key that it names signed it."""
    return signed_by(record.public_key, signed_bytes(record), record.signature)


def newest(records: Iterable[HeadsCheckpoint], trusted: Collection[bytes], partition: int) -> Checkpoint | None:
    """The checkpoint of a partition that goes furthest, of those that are whole and signed by a trusted key."""
    sets: dict[tuple[int, int, Millis, int], dict[int, HeadsCheckpoint]] = {}
    for record in records:
        if record.partition == partition and record.public_key in trusted and genuine(record):
            kind = (record.end, record.covered_below, record.signed_at, record.parts)
            sets.setdefault(kind, {})[record.part] = record
    whole = {kind: parts for kind, parts in sets.items() if parts.keys() == set(range(kind[3]))}
    if not whole:
        return None
    kind = max(whole)
    parts = [whole[kind][at] for at in range(kind[3])]
    first = parts[0]
    return Checkpoint(first.partition, first.end, first.covered_below, first.signed_at, _marks(parts))


def _marks(parts: Sequence[HeadsCheckpoint]) -> dict[str, Mark]:
    return {mark.incident_id: mark for record in parts for mark in _unpacked(record.heads)}


def _packed(mark: Mark) -> bytes:
    name = mark.incident_id.encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(name)) + name + _REST.pack(mark.version, mark.snapshot_version, bytes.fromhex(mark.hash))


def _parts(heads: Iterable[bytes]) -> Iterator[bytes]:
    """The heads joined, each part as large as it may be."""
    some: list[bytes] = []
    size = 0
    for head in heads:
        if size + len(head) > MAX_PART_BYTES:
            yield b"".join(some)
            some, size = [], 0
        some.append(head)
        size += len(head)
    yield b"".join(some)


def _unpacked(heads: bytes) -> Iterator[Mark]:
    at = 0
    while at < len(heads):
        (length,) = _LENGTH.unpack_from(heads, at)
        name = heads[at + _LENGTH.size : at + _LENGTH.size + length].decode("utf-8", "surrogatepass")
        at += _LENGTH.size + length
        version, snapshot_version, digest = _REST.unpack_from(heads, at)
        at += _REST.size
        yield _MARK(name, version, snapshot_version, digest.hex())
