"""The circuit breaker: five failures open it, thirty seconds later it lets a few calls try."""

import pytest

from agents.breaker import BreakerOpenError, CircuitBreaker


class FakeClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker("hooks.example", clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.enter()
        breaker.failed()


def test_five_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    """The fifth failure in a row opens it, and the refusal says whom it is about and when to come again."""
    fail(breaker, 4)
    assert breaker.state == "closed"
    fail(breaker, 1)
    with pytest.raises(BreakerOpenError, match=r"hooks\.example failed 5 times.*in 30 s"):
        breaker.enter()


def test_a_success_in_between_keeps_it_closed(breaker: CircuitBreaker) -> None:
    """Only failures in a row count."""
    fail(breaker, 4)
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 4)
    assert breaker.state == "closed"


def test_half_open_lets_three_calls_try(breaker: CircuitBreaker, clock: FakeClock) -> None:
    """After thirty seconds three calls may be under way at once, and no fourth."""
    fail(breaker, 5)
    clock.now_s = 30.0
    assert breaker.state == "half-open"
    for _ in range(3):
        breaker.enter()
    with pytest.raises(BreakerOpenError):
        breaker.enter()


def test_two_successes_close_it(breaker: CircuitBreaker, clock: FakeClock) -> None:
    """Half-open, one success is not enough and two are."""
    fail(breaker, 5)
    clock.now_s = 30.0
    breaker.enter()
    breaker.succeeded()
    assert breaker.state == "half-open"
    breaker.enter()
    breaker.succeeded()
    assert breaker.state == "closed"


def test_one_failure_while_half_open_opens_it_again(breaker: CircuitBreaker, clock: FakeClock) -> None:
    """The thirty seconds begin anew."""
    fail(breaker, 5)
    clock.now_s = 30.0
    fail(breaker, 1)
    clock.now_s = 59.0
    assert breaker.state == "open"
    clock.now_s = 60.0
    assert breaker.state == "half-open"
