"""Ends a process whose app has stopped or crashed and does not come to its end, so that whoever watches it starts it again.

An app that crashes gives its parts back one by one, and one of them may wait for ever: Faust's consumer commits through a
thread that has crashed with it. A thread of its own looks on, as the event loop itself may be what stands still.
"""

import os
import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

LIMIT_S = 20.0
_LOOK_S = 0.5
_STATUS = 1


class Farewell:
    """Gives an app that is over so long to end its process.

    Args:
        over: whether the app has stopped or crashed; asked from another thread.
        limit_s: how long the clean-up may take. look_s: how often is asked.
        leave: ends the process with a status, whatever else runs in it.
    """

    def __init__(
        self,
        over: Callable[[], bool],
        *,
        limit_s: float = LIMIT_S,
        look_s: float = _LOOK_S,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self._over, self._limit_s, self._look_s, self._leave = over, limit_s, look_s, leave
        self._thread = threading.Thread(target=self._run, name="farewell", daemon=True)

    def start(self) -> None:
        """Begin to look on; what is acknowledged by then is all that counts, so nothing is lost by a hard end."""
        self._thread.start()

    def _run(self) -> None:
        while not self._over():
            time.sleep(self._look_s)
        time.sleep(self._limit_s)
        log.error("the worker is over and does not end: it is ended", waited_s=self._limit_s)
        self._leave(_STATUS)
