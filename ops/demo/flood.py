"""A flood of real HTTP requests, so many a second whether they are answered or not, and bounded."""

import asyncio
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass

# More than any queue of the target, few enough for a laptop's sockets.
_MOST_IN_FLIGHT = 256
_STEP_S = 0.02
_GIVE_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class FloodCount:
    """Requests so far: sent, answered well, and refused or not answered. `held_back`: too many were under way."""

    sent: int = 0
    served: int = 0
    refused: int = 0
    held_back: int = 0


class Flood:
    """Requests `url` at `rate_per_s()`, which is asked again and again; 0 is calm. Runs in a thread of its own."""

    def __init__(self, url: str, rate_per_s: Callable[[], float]) -> None:
        parts = urllib.parse.urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._request = (
            f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        self._rate_per_s = rate_per_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="flood", daemon=True)
        self._sent = self._served = self._refused = self._held_back = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; requests under way are given up."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def count(self) -> FloodCount:
        """What came of the requests."""
        return FloodCount(self._sent, self._served, self._refused, self._held_back)

    async def _run(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        owed, before = 0.0, time.monotonic()
        while not self._stopping.is_set():
            await asyncio.sleep(_STEP_S)
            now = time.monotonic()
            owed += self._rate_per_s() * min(now - before, 1.0)
            before = now
            due = int(owed)
            owed -= due
            room = min(due, _MOST_IN_FLIGHT - len(under_way))
            self._held_back += due - room
            for _ in range(room):
                task = asyncio.create_task(self._once())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        for task in under_way:
            task.cancel()

    async def _once(self) -> None:
        self._sent += 1
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                served = await self._ask()
        except (OSError, TimeoutError):
            served = False
        self._served += served
        self._refused += not served

    async def _ask(self) -> bool:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(self._request)
            status = await reader.readline()
            await reader.read()
            return b" 200 " in status
        finally:
            writer.close()
