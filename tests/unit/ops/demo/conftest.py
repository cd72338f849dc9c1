"""What tests of the demonstration share."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.demo_target import RememberingIntake, TargetProcess


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Asks a question until its answer is true, and returns that; fails after 30 s."""

    def ask(question: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 30
        while not (answer := question()):
            assert time.monotonic() < deadline, "it did not come true within 30 s"
            threading.Event().wait(0.02)
        return answer

    return ask


@pytest.fixture
def target() -> Iterator[Callable[..., TargetProcess]]:
    """Starts targets with the given arguments, and stops them after the test."""
    started: list[TargetProcess] = []

    def start(*arguments: str) -> TargetProcess:
        started.append(TargetProcess(*arguments))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def intake() -> Iterator[RememberingIntake]:
    """An intake of the test's own."""
    server = RememberingIntake()
    yield server
    server.stop()
