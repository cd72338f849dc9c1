"""Reading a request's body without ever holding more of it than is allowed."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

MAX_BODY_BYTES = 16 << 20
# What is too large is still read, for its size and hash, up to here; then the sender is cut off.
MAX_HASHED_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Body:
    """A body; `value` is None where it was too large to be held. `whole` says whether all of it was read and hashed."""

    value: bytes | None
    size: int
    sha256: str
    whole: bool


async def read_body(stream: AsyncIterator[bytes], limit: int = MAX_BODY_BYTES, most: int = MAX_HASHED_BYTES) -> Body:
    """Read a body: its bytes up to `limit`, beyond that only its size and SHA-256, and nothing after `most` bytes."""
    parts: list[bytes] = []
    size, hashed, whole = 0, hashlib.sha256(), True
    async for part in stream:
        size += len(part)
        hashed.update(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
        if size > most:
            whole = False
            break
    return Body(b"".join(parts) if size <= limit else None, size, hashed.hexdigest(), whole)
