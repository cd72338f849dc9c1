"""`/api/v1/lag`: how far consumers are behind, and how that went. However many ask, the broker is looked at once in a while."""

from dataclasses import asdict
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from ops.api.problems import ProblemRoute, problems
from ops.api.remembered import Remembered
from ops.api.tags import Shown, answered, shown
from ops.lag.history import LagHistory
from ops.lag.judgement import LagRow
from ops.lag.probe import REPLAYS


class Board(Protocol):
    """What is needed of a LagBoard."""

    history: LagHistory

    def latest(self) -> tuple[tuple[LagRow, ...], float]:
        """The rows of the last look and when they were true, epoch seconds."""


def lag_router(board: Board) -> APIRouter:
    """The routes."""
    # Of one look, however many ask.
    looks: Remembered[Shown] = Remembered(60.0)
    router = APIRouter(prefix="/api/v1/lag", tags=["lag"], route_class=ProblemRoute)

    @router.get("", responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}, **problems(503)})
    def lag(request: Request) -> Response:
        """Each group, topic and partition: records and seconds behind, speed, time to close, status, who waits.

        Groups of replays are apart: their lag holds nobody up.
        """
        rows, at = board.latest()
        return answered(request, looks.get(("now", at), lambda: shown(lag_view(rows, at))))

    @router.get("/history", responses={200: {"content": {"application/json": {"example": _HISTORY}}}, **problems(503)})
    def history(request: Request) -> Response:
        """The last half hour, of the partitions that were furthest behind in it."""
        _, at = board.latest()
        return answered(request, looks.get(("history", at), lambda: shown(board.history.view())))

    return router


def lag_view(rows: tuple[LagRow, ...], at: float) -> dict[str, Any]:
    """The rows, those of replays apart, and when they were true (epoch ms)."""
    plain = [asdict(row) for row in rows]
    return {
        "at": int(at * 1000),
        "rows": [row for row in plain if not row["group"].startswith(REPLAYS)],
        "replays": [row for row in plain if row["group"].startswith(REPLAYS)],
    }


_EXAMPLE = {
    "at": 1_700_000_000_000,
    "rows": [{"group": "breakwater-edge", "topic": "alerts", "partition": 0, "lag": 1_200, "lag_s": 1.4,
              "velocity": 24_000.0, "eta_s": 0.1, "status": "OK", "incidents": ["inc-3f2a9c1b"]}],
    "replays": [],
}  # fmt: skip
_HISTORY: dict[str, Any] = {
    "at": [1_700_000_000_000, 1_700_000_002_500], "others": 0,
    "lines": [{"group": "breakwater-edge", "topic": "alerts", "partition": 0, "lag": [1_200, 0], "lag_s": [1.4, 0.0]}],
}  # fmt: skip
