"""Snapshots: the folded state of an incident as JSON, and what only the sequencer needs, as headers of the record.

A snapshot never adds to the events; it only saves reading them. `recent-commands` lets a new sequencer know commands it has
appended; `mark` is what only the owners of the store's key can make of the record, so that nobody else's is taken for one.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import orjson

from schemas.convert import from_dict, to_dict
from schemas.frozen import maker
from schemas.records.log import IncidentSnapshot
from state.incident import IncidentState
from state.json_text import MAX_DEPTH, read_object
from state.signing import SigningKey

RECENT_COMMANDS = "recent-commands"
HEAD = "head"
MARK = "mark"

_FINGERPRINT_BYTES = 8
_STATE_LEVELS = 2  # a payload in the list of actions
_LENGTH = struct.Struct(">Q")
_HEAD = struct.Struct(">qqq32s")  # version, offset, offset of the command, hash


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A snapshot, and fingerprints (state.head) of the commands that were appended last, oldest first."""

    snapshot: IncidentSnapshot
    recent: tuple[int, ...]

    def headers(self) -> dict[str, bytes]:
        """The headers of the record but its mark: fingerprints as 8 bytes big endian each, and the head in short."""
        s = self.snapshot
        return {
            RECENT_COMMANDS: struct.pack(f">{len(self.recent)}Q", *self.recent),
            HEAD: _HEAD.pack(s.version, s.event_offset, s.command_offset, bytes.fromhex(s.head_hash)),
        }


@dataclass(frozen=True, slots=True)
class Claim:
    """What a snapshot says of its incident's head; `record` brings the whole, which may have to be decoded for it."""

    incident_id: str
    version: int
    hash: str
    offset: int
    command_offset: int
    record: Callable[[], SnapshotRecord | None]


_CLAIM = maker(Claim)


def claim_of(found: SnapshotRecord) -> Claim:
    """The claim of a snapshot that is decoded already."""
    s = found.snapshot
    return Claim(s.incident_id, s.version, s.head_hash, s.event_offset, s.command_offset, lambda: found)


def quick_claim(
    record_key: bytes | None, headers: Mapping[str, bytes | None], record: Callable[[], SnapshotRecord | None]
) -> Claim | None:
    """The claim in the headers of a record that is known to be authentic; None where there is none."""
    told = headers.get(HEAD) or b""
    if len(told) != _HEAD.size or record_key is None:
        return None
    version, offset, command_offset, digest = _HEAD.unpack(told)
    name = record_key.decode("utf-8", "replace")
    made: Claim = _CLAIM(name, version, digest.hex(), offset, command_offset, record)
    return made


def with_headers(snapshot: IncidentSnapshot, headers: Mapping[str, bytes | None]) -> SnapshotRecord:
    """What `SnapshotRecord.headers` wrote; headers that are missing or spoilt promise nothing."""
    packed = headers.get(RECENT_COMMANDS) or b""
    return SnapshotRecord(snapshot, struct.unpack_from(f">{len(packed) // _FINGERPRINT_BYTES}Q", packed))


def mark_of(key: SigningKey, record_key: bytes, value: bytes, headers: Mapping[str, bytes | None]) -> bytes:
    """The mark of a snapshot's record, as its bytes lie in the log."""
    return key.mark(_marked(record_key, value, headers))


def authentic(
    key: SigningKey, record_key: bytes | None, value: bytes | None, headers: Mapping[str, bytes | None]
) -> bool:
    """Whether an owner of the key wrote this record."""
    return key.marked(_marked(record_key or b"", value or b"", headers), headers.get(MARK) or b"")


def _marked(record_key: bytes, value: bytes, headers: Mapping[str, bytes | None]) -> bytes:
    recent, head = headers.get(RECENT_COMMANDS) or b"", headers.get(HEAD) or b""
    size = _LENGTH.pack
    return b"".join((
        size(len(record_key)), record_key, size(len(value)), value, size(len(recent)), recent, size(len(head)), head
    ))  # fmt: skip


def state_to_json(state: IncidentState) -> str:
    """The state as one JSON object, the same text for the same state."""
    return orjson.dumps(to_dict(state), option=orjson.OPT_SORT_KEYS).decode()


def state_from_json(text: str) -> IncidentState:
    """The state in what this, an earlier or a later version of the program wrote.

    Fields that are not known are passed over; those that are missing have their first value.

    Raises:
        ValueError, KeyError, TypeError: the text is no state.
    """
    found = read_object(text, MAX_DEPTH + _STATE_LEVELS)
    known = {f.name for f in fields(IncidentState)}
    return from_dict(IncidentState, {k: v for k, v in found.items() if k in known})
