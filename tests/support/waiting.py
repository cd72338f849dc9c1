"""Waiting for a condition instead of for a time."""

import asyncio
import socket
import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], *, limit_s: float = 20.0) -> None:
    """Return once the condition holds; fail the test when it does not in time."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("what was waited for did not happen")
        time.sleep(0.01)


async def soon(condition: Callable[[], object], *, limit_s: float = 10.0) -> None:
    """Return once the condition holds, while other tasks and threads go on; fail the test when it does not in time."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - the condition is of a thread, or of code that tells nobody
            await asyncio.sleep(0.001)


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether something listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
