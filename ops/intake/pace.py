"""Not faster than so many a second."""

import time
from collections.abc import Callable

_STEP_S = 0.02


class Pace:
    """Holds a sender back to a rate; without one it holds nobody."""

    def __init__(
        self,
        rate_per_s: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` gives seconds that only grow; `sleep` waits for so many."""
        self._rate_per_s = rate_per_s
        self._clock = clock
        self._sleep = sleep
        self._begun = clock()
        # How many may go between two looks at the clock: a fiftieth of a second's, at most a thousand.
        self.stride = 1000 if rate_per_s is None else max(1, min(1000, int(rate_per_s * _STEP_S)))

    def wait(self, sent: int) -> None:
        """Return when `sent` are due."""
        if self._rate_per_s is None:
            return
        early_s = self._begun + sent / self._rate_per_s - self._clock()
        if early_s > 0:
            self._sleep(early_s)
