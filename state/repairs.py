"""Records that repair the log: a version written once more, signed, and how the log reads with them. Pure.

A repair is a new record under the version's own key, so compaction takes what it replaces. Until then both are in the log; the
signature tells readers which one counts. Who forges a repair needs the store's private key.
"""

import struct
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

from state.event_log import UnreadableEvent
from state.log_reader import RawRecord
from state.ports import StoredEvent
from state.signing import SigningKey, signed_by

REPAIR = "repair"
ENCODING = b"breakwater/Repair/1"

_PUBLIC_BYTES = 32
_LENGTH = struct.Struct(">Q")

Entry: TypeAlias = StoredEvent | UnreadableEvent


def repair_header(key: SigningKey, record_key: bytes, value: bytes) -> dict[str, bytes]:
    """The header of a repair: the public key's 32 bytes, and the signature's 64."""
    return {REPAIR: key.public + key.sign(_signed(record_key, value))}


def is_repair(raw: RawRecord, trusted: Collection[bytes]) -> bool:
    """Whether a trusted key signed the record as a repair."""
    told = next((value for name, value in raw.headers if name == REPAIR), None) if raw.headers else None
    if told is None or told[:_PUBLIC_BYTES] not in trusted:
        return False
    return signed_by(told[:_PUBLIC_BYTES], _signed(raw.key or b"", raw.value or b""), told[_PUBLIC_BYTES:])


def as_repaired(entries: Iterable[Entry], repairs: Sequence[StoredEvent]) -> list[Entry]:
    """One incident's records as they count: what a repair replaces is left out, and the repair stands in its place.

    Args:
        entries: in the order of their offsets, without the repairs.
        repairs: of several of a version the last counts. What comes after it under the same version counts as well.
    """
    last = {repair.event.version: repair for repair in repairs}
    waiting = deque(last[version] for version in sorted(last))
    kept: list[Entry] = []
    for entry in entries:
        version = version_of(entry)
        repair = last.get(version)
        if repair is None or entry.partition != repair.partition or entry.offset > repair.offset:
            while waiting and waiting[0].event.version < version:
                kept.append(waiting.popleft())
            kept.append(entry)
    return [*kept, *waiting]


def version_of(entry: Entry) -> int:
    """The version that a record is, or that its key names."""
    return entry.event.version if isinstance(entry, StoredEvent) else entry.version


def of_incident(entry: Entry) -> str:
    """The incident that a record is of, or that its key names."""
    return entry.event.incident_id if isinstance(entry, StoredEvent) else entry.incident_id


def _signed(record_key: bytes, value: bytes) -> bytes:
    return ENCODING + b"".join(_LENGTH.pack(len(part)) + part for part in (record_key, value))
