"""What requests queue for: slots to be worked on in, and connections to the pretend database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ops.demo.errors import OverloadedError


class Gate:
    """So many may be inside at once, and so many may wait for that, so long.

    Args:
        name: what those inside hold, for people.
        size: how many may be inside.
        queue: how many may wait; None for any number.
        wait_s: longest wait.
    """

    def __init__(self, name: str, size: int, queue: int | None, wait_s: float) -> None:
        self.name = name
        self.size = size
        self.queue = queue
        self._wait_s = wait_s
        self._free = threading.Condition()
        self._inside = 0
        self._waiting = 0
        self._lost = 0

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Be inside for the block.

        Raises:
            OverloadedError: too many wait already, or the wait was too long.
        """
        self._enter()
        try:
            yield
        finally:
            with self._free:
                self._inside -= 1
                self._free.notify()

    def lose(self, count: int) -> int:
        """Take up to so many places for ever, as a leak of connections does; return how many were to be had."""
        with self._free:
            taken = min(count, self.size - self._inside)
            self._inside += taken
            self._lost += taken
            return taken

    def in_use(self) -> float:
        """Share of the places that are taken."""
        return self._inside / self.size

    def backlog(self) -> float:
        """Share of the queue that is taken; 0 where it has no end."""
        return self._waiting / self.queue if self.queue else 0.0

    @property
    def lost(self) -> int:
        """Places that will never be given back."""
        return self._lost

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return self._waiting

    def _enter(self) -> None:
        with self._free:
            if self.queue is not None and self._inside >= self.size and self._waiting >= self.queue:
                raise OverloadedError(f"request queue is full: {self._waiting} wait for {self.size} {self.name}")
            self._waiting += 1
            try:
                if not self._free.wait_for(lambda: self._inside < self.size, self._wait_s):
                    waited_ms = round(self._wait_s * 1000)
                    raise OverloadedError(f"timed out after {waited_ms} ms waiting for one of {self.size} {self.name}")
                self._inside += 1
            finally:
                self._waiting -= 1
