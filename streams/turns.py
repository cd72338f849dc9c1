"""Long work on the event loop in pieces, one after the other among all that share the turns, and rounds of the loop in between.

Otherwise the pieces of several partitions meet in one round and add up, and nothing is fetched, sent or acknowledged meanwhile:
each of these takes several rounds, and would wait for as many pieces.
"""

import asyncio
import time
from collections.abc import Generator
from types import TracebackType
from typing import Self, TypeVar

Done = TypeVar("Done")
# Work that gives way between its steps, and what it comes to.
Steps = Generator[None, None, Done]

# A piece goes on for so long, and to the end of the step that it is in.
_PIECE_S = 0.02
# Rounds of the loop after a piece: from a fetch to its decision, or from that to the copy's way out, it takes some ten, and each
# would wait for another piece. After a long piece fewer: where work lies in heaps, these rounds are what holds it up.
_ROUNDS, _AFTER_LONG = 16, 4
_LONG_S = 0.01


def whole(steps: Steps[Done]) -> Done:
    """What work comes to that is done in one go.

    >>> def twice(number: int) -> Steps[int]:
    ...     yield
    ...     return 2 * number
    >>> whole(twice(21))
    42
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class Turns:
    """`async with turns` does a piece of work, and gives the loop some rounds for all else; whoever came first goes first."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._began_s = 0.0

    async def __aenter__(self) -> Self:
        await self._lock.acquire()
        self._began_s = time.monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._release_after(_AFTER_LONG if time.monotonic() - self._began_s > _LONG_S else _ROUNDS)

    def _release_after(self, rounds: int) -> None:
        if rounds == 0:
            self._lock.release()
        else:
            asyncio.get_running_loop().call_soon(self._release_after, rounds - 1)

    async def through(self, steps: Steps[Done]) -> Done:
        """What work comes to, a piece a turn."""
        while True:
            async with self:
                until_s = time.monotonic() + _PIECE_S
                try:
                    while time.monotonic() < until_s:
                        next(steps)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
