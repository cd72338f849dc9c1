"""`Remembered` for coroutines: whoever waits for an answer that is being made holds no thread meanwhile."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from ops.api.remembered import Remembered

T = TypeVar("T")


class Awaited(Generic[T]):
    """On one event loop.

    Args:
        for_s: how old an answer may be. stale_s: by how much older one is still given, while a new one is made for those who
            come later: what takes long holds up nobody but the first.
    """

    def __init__(self, for_s: float, stale_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._stale_s = stale_s
        self._kept: Remembered[T] = Remembered(for_s, clock)
        self._making: dict[Hashable, asyncio.Task[T]] = {}

    def held(self, key: Hashable) -> T | None:
        """What is fresh, or None."""
        return self._kept.held(key)

    async def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is fresh, or a little older; else what a thread makes by `make`, once for all who wait."""
        held = self._kept.held(key)
        if held is not None:
            return held
        making = self._making.get(key) or self._begun(key, make)
        old = self._kept.held(key, self._stale_s)
        # One who goes away does not end it for the others.
        return old if old is not None else await asyncio.shield(making)

    def forget(self) -> None:
        """Begin anew: something was changed by whom this tells."""
        self._kept.forget()
        self._making.clear()

    def _begun(self, key: Hashable, make: Callable[[], T]) -> asyncio.Task[T]:
        making: asyncio.Task[T] = asyncio.create_task(run_in_threadpool(self._kept.get, key, make))
        self._making[key] = making
        making.add_done_callback(lambda done: self._ended(key, done))
        return making

    def _ended(self, key: Hashable, done: asyncio.Task[T]) -> None:
        if self._making.get(key) is done:
            del self._making[key]
        if not done.cancelled():
            done.exception()  # those who waited were told; where nobody did, the next who asks is
