"""Ctrl-C and SIGTERM at any moment: the first one ends the work, none cuts the clean-up short."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from ops.demo.errors import DemoInterruptedError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _FirstSignal:
    """Raises in the main thread at the first signal, until it is told to hold."""

    def __init__(self) -> None:
        self._held = False

    def hold(self) -> None:
        """Let signals pass from now on."""
        self._held = True

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if not self._held:
            self._held = True
            raise DemoInterruptedError(signal.Signals(number))


@contextmanager
def interruptible() -> Iterator[ExitStack]:
    """A stack of things to be given back, which a signal makes happen at once and a second signal does not disturb.

    In a thread other than the main one signals are not touched: there, Python does not let them be.

    Raises:
        DemoInterruptedError: from within the block, when a signal comes.
    """
    first = _FirstSignal()
    before = _install(first)
    stack = ExitStack()
    try:
        try:
            yield stack
        finally:
            first.hold()
            stack.close()
    finally:
        # Where the one signal came between the block's end and `hold`, nothing was given back yet.
        first.hold()
        stack.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _install(handler: Callable[[int, FrameType | None], None]) -> dict[signal.Signals, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in _SIGNALS}
