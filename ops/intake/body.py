"""Reading a request's body without ever holding more of it than is allowed, or waiting longer than is patient."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from ops.intake.errors import NotAdmittedError

MAX_BODY_BYTES = 16 << 20
# What is too large is still read, for its size and hash, up to here; then the sender is cut off.
MAX_HASHED_BYTES = 64 << 20

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class SenderGoneError(Exception):
    """The sender went away in the middle of its body: nobody reads an answer."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body; `value` is None where it was too large to be held. `whole` says whether all of it was read and hashed."""

    value: bytes | None
    size: int
    sha256: str = ""
    whole: bool = True


@dataclass(slots=True)
class BodyReader:
    """Reads bodies; all that are held at once share one budget.

    Args:
        limit: bytes of a body that are held. most: bytes that are read of one that is larger.
        timeout_s: how long a sender may take for it. budget: bytes of bodies that are held at once.
    """

    limit: int = MAX_BODY_BYTES
    most: int = MAX_HASHED_BYTES
    timeout_s: float = 30.0
    budget: int = 256 << 20
    held: int = 0

    async def read(self, receive: Receive) -> Body:
        """Read a body: its bytes up to `limit`, beyond that only its size and SHA-256, and nothing after `most` bytes.

        The bytes count as held until `release`.

        Raises:
            SenderGoneError: the connection ended before it.
            NotAdmittedError: 408 where it took too long, 503 where too much is held.
        """
        message = await _first(receive, self.timeout_s)
        if message["type"] == "http.disconnect":
            raise SenderGoneError
        body: bytes = message.get("body", b"")
        if not message.get("more_body") and len(body) <= self.limit:
            self._hold(len(body))
            return Body(body, len(body))
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._rest(body, bool(message.get("more_body")), receive)
        except TimeoutError as error:
            raise _slow(self.timeout_s) from error

    def release(self, body: Body) -> None:
        """The body is dealt with."""
        self.held -= len(body.value or b"")

    async def _rest(self, first: bytes, more: bool, receive: Receive) -> Body:
        parts, hashed = [], hashlib.sha256()
        size = kept = 0
        part = first
        try:
            while True:
                size += len(part)
                hashed.update(part)
                if size <= self.limit:
                    self._hold(len(part))
                    kept += len(part)
                    parts.append(part)
                elif parts:
                    parts.clear()
                    self.held -= kept
                    kept = 0
                if not more or size > self.most:
                    break
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise SenderGoneError
                part, more = message.get("body", b""), bool(message.get("more_body"))
        except BaseException:
            self.held -= kept
            raise
        return Body(b"".join(parts) if size <= self.limit else None, size, hashed.hexdigest(), size <= self.most)

    def _hold(self, size: int) -> None:
        if self.held + size > self.budget:
            raise NotAdmittedError(503, "unavailable", "Too many bodies are being read. Send it again.", 1)
        self.held += size


async def _first(receive: Receive, timeout_s: float) -> MutableMapping[str, Any]:
    """The first part; what has arrived with the headers is there at once, and needs no timer."""
    try:
        async with asyncio.timeout(timeout_s):
            return await receive()
    except TimeoutError as error:
        raise _slow(timeout_s) from error


def _slow(timeout_s: float) -> NotAdmittedError:
    return NotAdmittedError(408, "slow", f"The body was not there after {timeout_s:g} s. Send it faster, or in parts.")
