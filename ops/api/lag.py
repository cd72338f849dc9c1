"""`/api/v1/lag`: how far consumers are behind. However many ask, the broker is asked once in a while."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from ops.api.problems import ProblemRoute, problems
from ops.lag import LagRow, Sample, lag_rows
from ops.lag_probe import GROUPS, REPLAYS, LagProbe

_FRESH_S = 2.0
_FIRST_PAUSE_S = 1.0
# Rates over longer tell of another time.
_OLDEST_S = 60.0


class LagDesk:
    """Keeps the last samples of one broker; threads may share it, one of them asks while the others wait."""

    def __init__(self, probe: Callable[[], LagProbe], clock: Callable[[], float] = time.time) -> None:
        self._make, self._clock = probe, clock
        self._turn = threading.Lock()
        self._probe: LagProbe | None = None
        self._last: Sample | None = None
        self._rows: list[LagRow] = []

    def rows(self) -> tuple[list[LagRow], float]:
        """The rows and when they were true, epoch seconds; not older than two seconds.

        Raises:
            BrokerUnreachableError: Kafka does not answer.
        """
        with self._turn:
            if self._last is None or self._clock() - self._last.at > _FRESH_S:
                self._look()
            assert self._last is not None  # noqa: S101 - a look sets it or raises
            return self._rows, self._last.at

    def close(self) -> None:
        """Give the connections back."""
        with self._turn:
            if self._probe is not None:
                self._probe.__exit__(None, None, None)
                self._probe = None

    def _look(self) -> None:
        probe = self._probe = self._probe or self._make()
        names = (*GROUPS, REPLAYS)
        before = self._last
        if before is None or self._clock() - before.at > _OLDEST_S:
            before = probe.sample(names, peek=False)
            time.sleep(_FIRST_PAUSE_S)
        now = probe.sample(names)
        self._rows, self._last = lag_rows(before, now), now


def lag_router(watch: LagDesk) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/api/v1/lag", tags=["lag"], route_class=ProblemRoute)

    @router.get("", responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}, **problems(503)})
    def lag() -> dict[str, Any]:
        """Each group, topic and partition: records and seconds behind, speed, time to close, status, who waits.

        Groups of replays are apart: their lag holds nobody up.
        """
        rows, at = watch.rows()
        plain = [asdict(row) for row in rows]
        return {
            "at": int(at * 1000),
            "rows": [row for row in plain if not row["group"].startswith(REPLAYS)],
            "replays": [row for row in plain if row["group"].startswith(REPLAYS)],
        }

    return router


_EXAMPLE = {
    "at": 1_700_000_000_000,
    "rows": [{"group": "breakwater-edge", "topic": "alerts", "partition": 0, "lag": 1_200, "lag_s": 1.4,
              "velocity": 24_000.0, "eta_s": 0.1, "status": "OK", "incidents": ["inc-3f2a9c1b"]}],
    "replays": [],
}  # fmt: skip
