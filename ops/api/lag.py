"""`/api/v1/lag`: how far consumers are behind. However many ask, the broker is asked once in a while."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from ops.api.problems import ProblemRoute, problems
from ops.lag import LagRow
from ops.lag_probe import REPLAYS, LagProbe
from ops.lag_watch import LagWatch

_FRESH_S = 2.0
# A window with such a gap in it tells of another time.
_OLDEST_S = 60.0


class LagDesk:
    """Looks at the lag of one broker when asked; threads may share it, one of them looks while the others wait."""

    def __init__(self, probe: Callable[[], LagProbe], clock: Callable[[], float] = time.time) -> None:
        self._make, self._clock = probe, clock
        self._turn = threading.Lock()
        self._probe: LagProbe | None = None
        self._watch: LagWatch | None = None
        self._rows: list[LagRow] = []
        self._at = 0.0

    def rows(self) -> tuple[list[LagRow], float]:
        """The rows and when they were true, epoch seconds; not older than two seconds.

        Raises:
            BrokerUnreachableError: Kafka does not answer.
        """
        with self._turn:
            age_s = self._clock() - self._at
            if self._watch is None or age_s > _OLDEST_S:
                self._probe = self._probe or self._make()
                self._watch = LagWatch(self._probe.sample)
                self._rows, self._at = self._watch.judge(), self._clock()
            elif age_s > _FRESH_S:
                self._rows, self._at = self._watch.look(), self._clock()
            return self._rows, self._at

    def close(self) -> None:
        """Give the connections back."""
        with self._turn:
            if self._probe is not None:
                self._probe.__exit__(None, None, None)
                self._probe = None


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
