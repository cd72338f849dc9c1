"""Snapshots: the folded state of an incident as JSON, and what only the sequencer needs, as headers of the record.

A snapshot never adds to the events; it only saves reading them. `recent-commands` lets a new sequencer know commands it has
appended; `covered-below` tells from which offset of the events' partition it must read.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields

from schemas.convert import from_dict, to_dict
from schemas.records.log import IncidentSnapshot
from state.incident import IncidentState
from state.json_text import MAX_DEPTH, read_object

RECENT_COMMANDS = "recent-commands"
COVERED_BELOW = "covered-below"

_FINGERPRINT_BYTES = 8
_STATE_LEVELS = 2  # a payload in the list of actions
_MOST_DIGITS = 18  # of an offset


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A snapshot with its headers.

    `recent`: fingerprints (state.head) of the commands that were appended last, oldest first.
    `covered_below`: all events of the partition at smaller offsets are covered by snapshots. 0 promises nothing.
    """

    snapshot: IncidentSnapshot
    recent: tuple[int, ...]
    covered_below: int

    def headers(self) -> dict[str, bytes]:
        """The headers of the record: fingerprints as 8 bytes big endian each, the offset in decimal digits."""
        packed = b"".join(one.to_bytes(_FINGERPRINT_BYTES, "big") for one in self.recent)
        return {RECENT_COMMANDS: packed, COVERED_BELOW: str(self.covered_below).encode()}


def with_headers(snapshot: IncidentSnapshot, headers: Mapping[str, bytes | None]) -> SnapshotRecord:
    """What `SnapshotRecord.headers` wrote; headers that are missing or spoilt promise nothing."""
    packed = headers.get(RECENT_COMMANDS) or b""
    count = len(packed) // _FINGERPRINT_BYTES
    recent = struct.unpack_from(f">{count}Q", packed)
    below = headers.get(COVERED_BELOW) or b"0"
    return SnapshotRecord(snapshot, recent, int(below) if below.isdigit() and len(below) <= _MOST_DIGITS else 0)


def state_to_json(state: IncidentState) -> str:
    """The state as one JSON object, the same text for the same state."""
    return json.dumps(to_dict(state), sort_keys=True, separators=(",", ":"))


def state_from_json(text: str) -> IncidentState:
    """The state in what this, an earlier or a later version of the program wrote.

    Fields that are not known are passed over; those that are missing have their first value.

    Raises:
        ValueError, KeyError, TypeError: the text is no state.
    """
    found = read_object(text, MAX_DEPTH + _STATE_LEVELS)
    known = {f.name for f in fields(IncidentState)}
    return from_dict(IncidentState, {k: v for k, v in found.items() if k in known})
