"""How the lag went over the last half hour, a line a group, topic and partition; bounded."""

import threading
from array import array
from collections import deque
from collections.abc import Sequence
from typing import Any

from ops.lag.judgement import LagRow, Place

# At a look every two and a half seconds half an hour; of 500 lines 6 MB.
_LOOKS = 720
_MOST_LINES = 500
_SHOWN_LINES = 12


class LagHistory:
    """Fed after each look; any thread may ask."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._at: deque[int] = deque(maxlen=_LOOKS)
        self._lines: dict[Place, tuple[array[float], array[float]]] = {}

    def add(self, at_s: float, rows: Sequence[LagRow]) -> None:
        """The rows of a look. What is not among them had none; whoever was behind at some time has a line."""
        told = {(row.group, row.topic, row.partition): row for row in rows}
        with self._turn:
            self._at.append(int(at_s * 1000))
            held = len(self._at)
            for place, row in told.items():
                if row.lag and place not in self._lines and len(self._lines) < _MOST_LINES:
                    self._lines[place] = array("f", bytes(4 * (held - 1))), array("f", bytes(4 * (held - 1)))
            for place, (lag, lag_s) in list(self._lines.items()):
                found = told.get(place)
                lag.append(found.lag if found else 0)
                lag_s.append(found.lag_s if found else 0)
                del lag[:-held], lag_s[:-held]
                if len(lag) == _LOOKS and not any(lag):
                    del self._lines[place]

    def view(self, shown: int = _SHOWN_LINES) -> dict[str, Any]:
        """`at` (epoch ms) and, of those who were furthest behind in seconds, the lines; the others are counted."""
        with self._turn:
            worst = sorted(self._lines.items(), key=lambda line: (-max(line[1][1]), -max(line[1][0]), line[0]))
            return {
                "at": list(self._at),
                "lines": [
                    {"group": group, "topic": topic, "partition": partition, "lag": list(map(int, lag)),
                     "lag_s": [round(value, 1) for value in lag_s]}
                    for (group, topic, partition), (lag, lag_s) in worst[:shown]
                ],
                "others": max(0, len(worst) - shown),
            }  # fmt: skip
