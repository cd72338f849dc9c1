"""`/api/v1/overview`: the figures that every page shows at its top, asked once a second however many pages there are."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response

from ops.api.lag import Board
from ops.api.problems import ProblemRoute, problems
from ops.api.remembered import Remembered
from ops.api.tags import Shown, answered, shown
from ops.projections import told_if_damaged
from ops.roles import ROLES, group_of
from schemas.errors import BreakwaterError
from schemas.records.command import ApprovalState
from schemas.records.vocabulary import Millis, Severity
from state.incident import Status
from state.ports import IncidentQuery, Projection

_FRESH_S = 1.0
# Reading all letters takes a while, and they come seldom.
_LETTERS_FRESH_S = 15.0
# Of each status so many are counted; beyond that `more` is true.
_COUNTED = 200
_BURNING = (Status.OPEN, Status.DIAGNOSED, Status.DECIDED, Status.REMEDIATING, Status.ESCALATED)
_FINE = frozenset({"OK", "WARN"})
_OURS = frozenset(group_of(role) for role in ROLES)
# Rates are told of the last slots that are full.
_SLOTS = 3


class Sighted(Protocol):
    """What is needed of Sightings."""

    def rates(self, now: Millis) -> dict[str, Any]:
        """AlertRates.view."""

    def predictions(self, now: Millis) -> dict[str, Any]:
        """PredictionsSeen.view."""


class Overview:
    """`letters` counts those that were not put back, `following`: the log is followed. `clock`: epoch ms."""

    def __init__(
        self,
        projection: Callable[[], Projection],
        board: Board,
        sighted: Sighted,
        letters: Callable[[], int],
        following: Callable[[], bool],
        clock: Callable[[], Millis],
    ) -> None:
        self._projection, self._board, self._sighted = projection, board, sighted
        self._ask_letters, self._following, self._clock = letters, following, clock
        self._last: Remembered[Shown] = Remembered(_FRESH_S)
        self._letters: Remembered[int] = Remembered(_LETTERS_FRESH_S)

    def shown(self) -> Shown:
        """The figures, as they are sent."""
        return self._last.get("", lambda: shown(self.view()))

    def view(self) -> dict[str, Any]:
        """What burns and waits, alerts a second, the lag, and whether the machine itself is well."""
        now, lag = self._clock(), self._lag()
        rates = self._sighted.rates(now)
        return {
            **self._incidents(now), "lag": lag, "storms": len(rates["storms"]), "alerts": _rates(rates["rates"]),
            "predictions": len(self._sighted.predictions(now)["standing"]), "letters": self._dead(),
            "well": self._following() and lag["known"] and not lag["standing"],
        }  # fmt: skip

    def _incidents(self, now: Millis) -> dict[str, Any]:
        found, more = [], False
        with told_if_damaged():
            for status in _BURNING:
                page = self._projection().incidents(IncidentQuery(status=status, limit=_COUNTED))
                found += page.incidents
                more = more or page.cursor is not None
        waiting = [one.approval for one in found if one.approval and one.approval["state"] == ApprovalState.PENDING]
        return {
            "burning": len(found), "critical": sum(one.severity == Severity.CRITICAL for one in found), "more": more,
            "waiting": sum(now <= (approval.get("expires_at") or now) for approval in waiting),
        }  # fmt: skip

    def _lag(self) -> dict[str, Any]:
        try:
            rows, _ = self._board.latest()
        except BreakwaterError:
            return {"known": False, "standing": 0, "lag": 0, "lag_s": 0.0}
        ours = [row for row in rows if row.group in _OURS]
        return {
            "known": True, "standing": sum(row.status not in _FINE for row in ours), "lag": sum(row.lag for row in ours),
            "lag_s": max((row.lag_s for row in ours), default=0.0),
        }  # fmt: skip

    def _dead(self) -> int | None:
        try:
            return self._letters.get("", self._ask_letters)
        except BreakwaterError:
            return None


def _rates(rates: Mapping[str, list[float]]) -> dict[str, float]:
    return {f"{fate}_per_s": round(sum(values[-_SLOTS:]) / _SLOTS, 2) for fate, values in rates.items()}


def overview_router(overview: Callable[[], Overview]) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/api/v1/overview", tags=["overview"], route_class=ProblemRoute)

    @router.get("", responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}, **problems(503)})
    def figures(request: Request) -> Response:
        """What burns and waits for a person, alerts a second, the lag, dead letters, and whether the machine is well."""
        return answered(request, overview().shown())

    return router


_EXAMPLE: dict[str, Any] = {
    "burning": 3, "critical": 1, "more": False, "waiting": 1, "storms": 1, "predictions": 0, "letters": 20, "well": True,
    "alerts": {"received_per_s": 12_000.0, "kept_per_s": 300.0},
    "lag": {"known": True, "standing": 0, "lag": 1_200, "lag_s": 1.4},
}  # fmt: skip
