"""A rate limit that makes callers wait: tokens come at a rate and gather up to a burst."""

from collections.abc import Awaitable, Callable


class TokenBucket:
    """Lets `burst` through at once, then `rate_per_s`. Callers are served in the order in which they came."""

    def __init__(
        self, rate_per_s: float, burst: int, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._rate_per_s, self._burst, self._clock, self._sleep = rate_per_s, burst, clock, sleep
        self._tokens, self._at = float(burst), clock()

    async def take(self) -> None:
        """Take a token, waiting for it as long as needed."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate_per_s)
        self._at = now
        # Below zero stands for those who wait: each waits behind the one before.
        self._tokens -= 1
        if self._tokens < 0:
            await self._sleep(-self._tokens / self._rate_per_s)
