"""What requests were like lately: rate, errors, latency."""

import threading
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of the last seconds; `latency_ms` is the 95th percentile, None where there were none."""

    rate_per_s: float
    error_rate: float
    latency_ms: float | None
    requests: int
    refused: int


class Meter:
    """Remembers every request for `window_s`; at most `most` of them, the newest."""

    def __init__(self, window_s: float = 3.0, most: int = 5_000) -> None:
        self._window_s = window_s
        self._served: deque[tuple[float, float, bool]] = deque(maxlen=most)
        self._lock = threading.Lock()

    def record(self, at_s: float, took_s: float, *, served: bool) -> None:
        """A request ended at `at_s` (monotonic seconds) after `took_s`."""
        with self._lock:
            self._served.append((at_s, took_s, served))

    def read(self, now_s: float) -> Traffic:
        """The traffic of the window that ends now."""
        with self._lock:
            while self._served and self._served[0][0] < now_s - self._window_s:
                self._served.popleft()
            recent = list(self._served)
        if not recent:
            return Traffic(0.0, 0.0, None, 0, 0)
        refused = sum(not served for _, _, served in recent)
        took = sorted(took_s for _, took_s, _ in recent)
        p95 = took[min(len(took) - 1, int(len(took) * 0.95))]
        rate = len(recent) / self._window_s
        return Traffic(rate, refused / len(recent), p95 * 1000, len(recent), refused)
