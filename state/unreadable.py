"""How a record batch that nobody can unpack, for it is too large or broken, is told of: by one record, and by one dead letter."""

import secrets
from collections.abc import Mapping, Sequence

# The header of a record that stands for such a batch: without key and value, at the batch's last offset.
STAND_IN_HEADER = "unreadable-batch"
# The reason code of its dead letter.
UNREADABLE_BATCH = "unreadable_batch"
# Producers can write such a header too: only this process's own counts.
_OWN = secrets.token_hex(8).encode() + b":"


def headers_of(first: int, last: int) -> list[tuple[str, bytes]]:
    """The headers of the record that stands for the batch at these offsets, as this process alone can write them."""
    return [(STAND_IN_HEADER, _OWN + b"%d-%d" % (first, last))]


def offsets_of(headers: Sequence[tuple[str, bytes | None]]) -> range | None:
    """The offsets that a record with these headers stands for; None where it stands for itself."""
    for name, value in headers:
        if name == STAND_IN_HEADER and value is not None and value.startswith(_OWN):
            return _range(value.removeprefix(_OWN))
    return None


def letter_headers(offsets: range) -> dict[str, bytes]:
    """The headers of the dead letter of such a batch."""
    return {STAND_IN_HEADER: b"%d-%d" % (offsets[0], offsets[-1])}


def offsets_of_letter(headers: Mapping[str, bytes], offset: int) -> range | None:
    """The offsets of the batch that a dead letter for the record at `offset` tells of; None where it says none that end there."""
    found = _range(headers.get(STAND_IN_HEADER, b""))
    return found if found and found[-1] == offset else None


def _range(told: bytes) -> range | None:
    first, _, last = told.partition(b"-")
    if first.isdigit() and last.isdigit() and len(first) < 20 and len(last) < 20:
        return range(int(first), int(last) + 1)
    return None
