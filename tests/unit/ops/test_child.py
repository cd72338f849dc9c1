"""A worker's process: started again when it dies, less and less eagerly; stopped, and killed where it will not stop."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.child import FIRST_WAIT_S, MOST_WAIT_S, SETTLED_S, Child
from tests.support.waiting import eventually

DIES = "import sys; print('no luck today'); sys.exit(3)"
WAITS = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WAITS
TELLS = "import os, sys; print(os.environ['COLOUR'], sys.argv[1])"
Make = Callable[[str], Child]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Make]:
    """Makes children that run a line of Python; none outlives the test."""
    made: list[Child] = []

    def child(code: str) -> Child:
        program = (sys.executable, "-c", code)
        made.append(
            Child("edge-1", ["7"], tmp_path / "logs" / "edge-1.log", {"COLOUR": "blue"}, program=program, clock=clock)
        )
        return made[-1]

    yield child
    for one in made:
        one.ask_to_stop()
        one.stop(0.0)


def test_its_output_is_in_its_log(make: Make) -> None:
    """With the arguments and the environment that it was given."""
    child = make(TELLS)
    child.start()
    eventually(lambda: child.tail() == "blue 7")


def test_one_that_dies_is_started_again_after_a_wait(make: Make, clock: Clock) -> None:
    """Not before the wait is over, and it has another process then."""
    child = make(WAITS)
    child.start()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: child.pid is None)
    child.watch()
    clock.now += FIRST_WAIT_S / 2
    child.watch()
    assert (child.restarts, child.pid) == (0, None)
    clock.now += FIRST_WAIT_S
    child.watch()
    assert child.restarts == 1
    assert child.pid not in (None, first)


def waits(child: Child, clock: Clock, times: int) -> list[float]:
    """After each of so many deaths, how long it took until the process was started again, by the clock."""
    found = []
    for _ in range(times):
        eventually(lambda: child.pid is None)
        began, restarts = clock.now, child.restarts
        child.watch()
        while child.restarts == restarts:
            clock.now += FIRST_WAIT_S
            child.watch()
        found.append(clock.now - began)
    return found


def test_the_wait_doubles_up_to_a_bound(make: Make, clock: Clock) -> None:
    """One that always dies does not keep the machine busy."""
    child = make(DIES)
    child.start()
    assert waits(child, clock, 7) == [0.5, 1.0, 2.0, 4.0, 8.0, MOST_WAIT_S, MOST_WAIT_S]


def test_who_has_lived_a_minute_is_trusted_again(make: Make, clock: Clock) -> None:
    """The next wait is the first one."""
    child = make(WAITS)
    child.start()
    for _ in range(2):
        os.kill(child.pid or 0, signal.SIGKILL)
        waits(child, clock, 1)
    clock.now += SETTLED_S + 1
    child.watch()
    os.kill(child.pid or 0, signal.SIGKILL)
    assert waits(child, clock, 1) == [FIRST_WAIT_S]


def test_one_that_is_asked_to_stop_stops(make: Make) -> None:
    """And is not started again."""
    child = make(WAITS)
    child.start()
    pid = child.pid or 0
    child.ask_to_stop()
    child.stop(30.0)
    child.watch()
    assert child.pid is None
    assert child.restarts == 0
    assert not runs(pid)


def test_one_that_will_not_stop_is_killed(make: Make) -> None:
    """After the patience, for certain."""
    child = make(DEAF)
    child.start()
    pid = child.pid or 0
    eventually(lambda: child.tail() == "up")
    child.ask_to_stop()
    child.stop(0.2)
    assert not runs(pid)


def test_one_that_never_started_can_be_stopped(make: Make) -> None:
    """Nothing is done, and there is no log."""
    child = make(WAITS)
    child.ask_to_stop()
    child.stop(0.0)
    assert (child.pid, child.tail()) == (None, "")


def runs(pid: int) -> bool:
    """Whether a process of this id is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
