"""`/api/v1/incidents`: pages of incidents, one incident, its timeline; read from the projection of the event store."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from ops.api.problems import ProblemRoute
from ops.api.views import event_view, incident_view
from ops.projections import told_if_damaged
from ops.times import parse_time
from schemas.errors import InvalidInputError
from state.clock import wall_clock_ms
from state.errors import BadCursorError
from state.incident import Status
from state.ports import IncidentQuery, Projection

_MOST_INCIDENTS = 500
_MOST_EVENTS = 10_000

Limit = Annotated[int, Query(ge=1, le=_MOST_INCIDENTS, description="Incidents of a page.")]
Since = Annotated[str | None, Query(description="Only what changed since: ISO 8601, epoch, or how long ago (15m).")]


def incidents_router(projection: Callable[[], Projection]) -> APIRouter:
    """The routes; `projection` gives the store, once the application has started."""
    router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], route_class=ProblemRoute)

    # Plain functions run on FastAPI's threads, so a slow store does not hold up the event loop.
    @router.get("")
    def incidents(
        status: Status | None = None,
        tenant: str | None = None,
        service: str | None = None,
        since: Since = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Incidents, the latest change first; `cursor` of the answer asks for the next page, null ends it."""
        since_ms = None if since is None else _time(since)
        wanted = IncidentQuery(status, tenant, service, since_ms, limit, cursor)
        page = _asked(lambda: projection().incidents(wanted))
        return {"incidents": [incident_view(state) for state in page.incidents], "cursor": page.cursor}

    @router.get("/{incident_id}")
    def incident(incident_id: str) -> dict[str, Any]:
        """The folded state of one incident."""
        state = _asked(lambda: projection().incident(incident_id))
        if state is None:
            raise _unknown(incident_id)
        return incident_view(state)

    @router.get("/{incident_id}/timeline")
    def timeline(
        incident_id: str,
        after_version: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS)] = _MOST_EVENTS,
    ) -> dict[str, Any]:
        """The events of one incident in order, each with its hash and its place in the log."""
        events = _asked(lambda: projection().timeline(incident_id, after_version, limit))
        if not events and _asked(lambda: projection().incident(incident_id)) is None:
            raise _unknown(incident_id)
        return {"incident_id": incident_id, "events": [event_view(event) for event in events]}

    return router


def _time(text: str) -> int:
    try:
        return parse_time(text, wall_clock_ms())
    except InvalidInputError as error:
        raise HTTPException(422, f"since: {error}") from error


def _asked(question: Callable[[], Any]) -> Any:
    try:
        with told_if_damaged():
            return question()
    except BadCursorError as error:
        raise HTTPException(422, str(error)) from error


def _unknown(incident_id: str) -> HTTPException:
    return HTTPException(
        404, f"There is no incident {incident_id}. `GET /api/v1/incidents` lists those that there are."
    )
