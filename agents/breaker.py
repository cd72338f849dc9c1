"""A circuit breaker: after enough failures in a row, calls are refused for a while instead of made to wait.

The states of Michael Nygard, "Release It!" (2007), chapter 5: closed, open, half-open.
"""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.errors import BreakwaterError


class BreakerOpenError(BreakwaterError):
    """The other side failed too often; it is left alone for a while."""

    retriable = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """When a breaker opens and closes: failures in a row, seconds, calls let through, successes in a row."""

    failures: int = 5
    open_s: float = 30.0
    half_open_calls: int = 3
    successes: int = 2


class CircuitBreaker:
    """One breaker, for one address. `clock` gives seconds that only grow; for one event loop or thread."""

    def __init__(self, name: str, clock: Callable[[], float], limits: BreakerLimits | None = None) -> None:
        self._name, self._clock = name, clock
        self._limits = limits or BreakerLimits()
        self._failures = 0
        self._successes = 0
        self._calls = 0
        self._opened_at: float | None = None

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._opened_at is None:
            return "closed"
        return "open" if self._left_s() > 0 else "half-open"

    def enter(self) -> None:
        """Ask for a call; `succeeded` or `failed` must follow.

        Raises:
            BreakerOpenError: not now; says for how long.
        """
        state = self.state
        if state == "open" or (state == "half-open" and self._calls >= self._limits.half_open_calls):
            raise BreakerOpenError(
                f"{self._name} failed {self._limits.failures} times in a row and is left alone; "
                f"it is tried again in {max(self._left_s(), 1.0):.0f} s. Look at whether it runs."
            )
        self._calls += state == "half-open"

    def succeeded(self) -> None:
        """The call that was entered went well."""
        self._failures = 0
        if self._opened_at is not None:
            self._calls = max(0, self._calls - 1)
            self._successes += 1
            if self._successes >= self._limits.successes:
                self._opened_at = None

    def failed(self) -> None:
        """The call that was entered did not go well. One failure while half-open opens it again."""
        self._failures += 1
        if self._opened_at is not None or self._failures >= self._limits.failures:
            self._opened_at = self._clock()
            self._failures = self._successes = self._calls = 0

    def _left_s(self) -> float:
        return (self._opened_at or 0.0) + self._limits.open_s - self._clock()
