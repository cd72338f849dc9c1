"""The target's memory: sessions that a leak never lets go, measured as the system sees them."""

import gc
import threading
import time
from typing import Any

import psutil

from ops.demo.target.limits import Limits

_PAGE_BYTES = 32 << 10
_CART_LINES = 80
# A list of two small integers is 72 bytes and 16 for the collector.
_SESSION_BYTES = _PAGE_BYTES + _CART_LINES * 96


class SessionMemory:
    """Holds leaked sessions. They are many small objects, so that collecting garbage really gets slower with them."""

    def __init__(self, limits: Limits) -> None:
        self._process = psutil.Process()
        self._limits = limits
        self._kept: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._owed = 0.0
        self.limit_bytes = self.rss_bytes() + limits.headroom_bytes

    def rss_bytes(self) -> int:
        """What the process has resident now."""
        return int(self._process.memory_info().rss)

    def ratio(self) -> float:
        """Resident memory as a share of the limit; may pass 1."""
        return self.rss_bytes() / self.limit_bytes

    def leak(self, wanted_bytes: float) -> int:
        """Keep sessions of about this many bytes for ever, within the limits; return how many sessions."""
        with self._lock:
            self._owed += wanted_bytes
            room = self._limits.leak_bytes - len(self._kept) * _SESSION_BYTES
            count = max(0, int(min(self._owed, room) // _SESSION_BYTES))
            self._owed = min(self._owed - count * _SESSION_BYTES, _SESSION_BYTES)
            self._kept.extend(_session() for _ in range(count))
            return count


class CollectorClock:
    """How much time goes into collecting garbage, told by the interpreter itself."""

    def __init__(self) -> None:
        self._began = 0.0
        self._spent_s = 0.0

    def start(self) -> None:
        """Listen to the collector from now on."""
        gc.callbacks.append(self._listen)

    def stop(self) -> None:
        """Listen no more."""
        gc.callbacks.remove(self._listen)

    def spent_s(self) -> float:
        """Seconds spent since `start`."""
        return self._spent_s

    def _listen(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._spent_s += time.perf_counter() - self._began


def _session() -> dict[str, Any]:
    # Written to, for memory that nothing was written to is not resident.
    return {"cart": [[line, line + 1] for line in range(_CART_LINES)], "page": bytearray(b"x" * _PAGE_BYTES)}
