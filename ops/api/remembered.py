"""One answer for all who ask the same within a moment: made once, by the first of them, while the others wait."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

# At 120 KB a page of incidents 8 MB.
_MOST_KEPT = 64


class Remembered(Generic[T]):
    """Threads may share it. Failures are not remembered.

    Args:
        for_s: how old an answer may be. clock: seconds that only go forward.
    """

    def __init__(self, for_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._for_s, self._clock = for_s, clock
        self._turn = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._changes = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for the key lately, else what `make` gives now."""
        with self._turn:
            held = self._kept.get(key)
            if held is not None and self._clock() - held[0] < self._for_s:
                return held[1]
            mine = self._making.setdefault(key, threading.Lock())
        with mine:
            with self._turn:
                held = self._kept.get(key)
                if held is not None and self._clock() - held[0] < self._for_s:
                    return held[1]
                # Its age counts from before it was made: whatever happens meanwhile may not be in it.
                began, changes = self._clock(), self._changes
            try:
                made = make()
            finally:
                with self._turn:
                    self._making.pop(key, None)
            self._keep(key, began, made, changes)
        return made

    def held(self, key: Hashable, older_s: float = 0.0) -> T | None:
        """What was made for the key lately, or so much before; or None. It waits for nobody."""
        with self._turn:
            held = self._kept.get(key)
            return held[1] if held is not None and self._clock() - held[0] < self._for_s + older_s else None

    def forget(self) -> None:
        """Begin anew: something was changed by whom this tells."""
        with self._turn:
            self._kept.clear()
            self._changes += 1

    def _keep(self, key: Hashable, began: float, made: T, changes: int) -> None:
        with self._turn:
            if changes != self._changes:
                return
            self._kept.pop(key, None)
            self._kept[key] = began, made
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
