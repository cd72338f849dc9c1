"""How far analysis and command are behind, for who must not act on old news."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from agents.consensus.lagging import Behind
from ops.lag.judgement import LagRow
from ops.lag.watch import LagBoard
from ops.roles import group_of
from streams.topics import EVENTS, NOTIFICATIONS

# Their acknowledgement waits for effects under way, of which a restart with its checks takes minutes; that is no old news.
_HELD_UP = frozenset({EVENTS.name, NOTIFICATIONS.name})
GUARDED = (group_of("analysis"), group_of("command"))
# Six looks that came to nothing.
_OLDEST_LOOK_S = 30.0


class Board(Protocol):
    """What a LagBoard shows."""

    def rows(self) -> Sequence[LagRow]:
        """What the last look saw."""

    def age_s(self, now_s: float) -> float | None:
        """How long ago that was."""


class LagGuard:
    """Tells who is furthest behind, by a board's last look. `clock`: epoch seconds."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.time) -> None:
        self._board, self._clock = board, clock

    def __call__(self) -> Behind:
        """The group and topic that are furthest behind; unknown where nobody has looked lately."""
        age_s = self._board.age_s(self._clock())
        if age_s is None or age_s > _OLDEST_LOOK_S:
            return Behind(lag_s=None)
        rows = [row for row in self._board.rows() if _counts(row)]
        if not rows:
            return Behind()
        worst = max(rows, key=lambda row: row.lag_s)
        return Behind(worst.group, worst.topic, int(worst.lag_s))


def _counts(row: LagRow) -> bool:
    return row.group in GUARDED and row.topic not in _HELD_UP and row.lag_s > 0


def guard_board(bootstrap: str) -> LagBoard:
    """A board of the groups that are guarded."""
    return LagBoard(bootstrap, groups=GUARDED, incidents=False)
