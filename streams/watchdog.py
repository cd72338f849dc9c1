"""Ends a worker that has work and does none, so that whoever watches it starts it again.

Consumers of Kafka can die quietly: a fetch that never returns, a task that waits for ever. Nothing is logged, and lag grows.
"""

import time
from typing import Any

from streams.errors import StalledError

LOOK_S = 5.0
STILL_S = 120.0


class Stillness:
    """Since when each partition that is behind has not moved. Pure; time comes as an argument, in seconds."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._since: dict[Any, tuple[int, float]] = {}

    def stalled(self, behind: dict[Any, int], now_s: float) -> list[tuple[Any, float]]:
        """Partitions that have stood for longer than the limit, and for how long.

        Args:
            behind: by partition that has more to read, up to where it is done with.
        """
        before = self._since
        self._since = {
            tp: (at, before[tp][1] if tp in before and before[tp][0] == at else now_s) for tp, at in behind.items()
        }
        return [(tp, now_s - since) for tp, (_, since) in self._since.items() if now_s - since > self._limit_s]

    def longest_s(self, now_s: float) -> float:
        """How long the partition that stands longest has stood, by the last look."""
        return max((now_s - since for _, since in self._since.values()), default=0.0)


class Watchdog:
    """Looks every few seconds whether each source partition that is behind moves.

    Args:
        app: made by streams.apps; its `holds` are of the parts that may rightly hold a topic up.
        limit_s: how long a partition may stand. look_s: how often to look.
    """

    def __init__(self, app: Any, *, limit_s: float = STILL_S, look_s: float = LOOK_S) -> None:
        self._app, self._stillness = app, Stillness(limit_s)
        app.timer(look_s, name="watchdog")(self.look)

    async def look(self) -> None:
        """Look once.

        Raises:
            StalledError: a partition stands; it ends the app, which runs this as a timer.
        """
        behind = {} if self._app.rebalancing else self._app.consumer.progress()
        held = {topic for holds in self._app.holds for topic in holds()}
        moving = {tp: at for tp, (at, _) in behind.items() if tp.topic not in held}
        now_s = time.monotonic()
        stalled = self._stillness.stalled(moving, now_s)
        if (meter := getattr(self._app, "meter", None)) is not None:
            meter.stood(self._stillness.longest_s(now_s))
        for tp, still_s in stalled:
            at, end = behind[tp]
            raise StalledError(f"{tp.topic}-{tp.partition}", at, end, still_s)
