"""`/api/v1/incidents`: pages of incidents, one incident now or at an instant, its timeline; read from the projection."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from ops.api.impact import Yardstick, impact_view, steady
from ops.api.problems import ProblemRoute, problems
from ops.api.remembered import Remembered
from ops.api.tags import Shown, answered, shown, tagged
from ops.api.views import event_view, incident_view
from ops.incident_lookup import whole_timeline
from ops.projections import told_if_damaged
from ops.times import parse_time
from schemas.errors import InvalidInputError
from schemas.records.vocabulary import Millis
from state.clock import wall_clock_ms
from state.errors import BadCursorError
from state.incident import IncidentState, Status, fold
from state.ports import IncidentQuery, Projection

_MOST_INCIDENTS = 500
_MOST_EVENTS = 10_000
_DEFAULT = Yardstick(mttr_target_s=180.0, human_mttr_s=1_800.0)

Limit = Annotated[int, Query(ge=1, le=_MOST_INCIDENTS, description="Incidents of a page.")]
Since = Annotated[
    str | None,
    Query(description="Only what changed since: ISO 8601, epoch, or how long ago (15m).", examples=["15m"]),
]
At = Annotated[
    str | None,
    Query(
        description="As it was at this instant: ISO 8601, epoch, or how long ago (15m).", examples=["2026-01-31T12:00Z"]
    ),
]


def incidents_router(
    projection: Callable[[], Projection],
    yardstick: Yardstick = _DEFAULT,
    clock: Callable[[], Millis] = wall_clock_ms,
    fresh_s: float = 0.0,
) -> APIRouter:
    """The routes; `projection` gives the store, once the application has started.

    Args:
        fresh_s: so old a page of the list may be: whoever asks for the same one meanwhile is answered alike.
    """
    pages: Remembered[Shown] = Remembered(fresh_s)
    router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], route_class=ProblemRoute)

    # Plain functions run on FastAPI's threads, so a slow store does not hold up the event loop.
    @router.get(
        "", responses={**_example(_PAGE), 304: {"description": "As If-None-Match has it."}, **problems(422, 503)}
    )
    def incidents(
        request: Request,
        status: Status | None = None,
        tenant: str | None = None,
        service: str | None = None,
        since: Since = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Response:
        """Incidents, the latest change first; `cursor` of the answer asks for the next page, null ends it."""
        now = clock()
        since_ms = None if since is None else _time("since", since, now)
        wanted = IncidentQuery(status, tenant, service, since_ms, limit, cursor)
        # What began a while ago moves with every question: nobody asks the same again.
        if since is not None:
            return answered(request, _page(projection(), wanted, yardstick, now))
        return answered(request, pages.get(wanted, lambda: _page(projection(), wanted, yardstick, now)))

    @router.get("/{incident_id}", responses={**_example(_INCIDENT), **problems(404, 422, 503)})
    def incident(request: Request, incident_id: str, at: At = None) -> Response:
        """The folded state of one incident: as it is, or as it was `at` an instant."""
        now = clock()
        instant = now if at is None else _time("at", at, now)
        state = _asked(lambda: projection().incident(incident_id))
        if state is None:
            raise _unknown(incident_id)
        if at is not None:
            state = _asked(lambda: _state_at(projection(), incident_id, instant))
        told = _with_impact(state, yardstick, instant)
        return tagged(request, told, [told["version"], told["head_hash"], steady(told["impact"]), at and instant])

    @router.get("/{incident_id}/timeline", responses={**_example(_TIMELINE), **problems(404, 422, 503)})
    def timeline(
        request: Request,
        incident_id: str,
        after_version: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS)] = _MOST_EVENTS,
    ) -> Response:
        """The events of one incident in order, each with its hash and its place in the log."""
        events = _asked(lambda: projection().timeline(incident_id, after_version, limit))
        if not events and _asked(lambda: projection().incident(incident_id)) is None:
            raise _unknown(incident_id)
        told = {"incident_id": incident_id, "events": [event_view(event) for event in events]}
        return tagged(request, told, [incident_id, after_version, [stored.event.hash for stored in events]])

    return router


def _page(projection: Projection, wanted: IncidentQuery, yardstick: Yardstick, now: Millis) -> Shown:
    page = _asked(lambda: projection.incidents(wanted))
    told = [_with_impact(state, yardstick, now) for state in page.incidents]
    told_by = [[one["incident_id"], one["version"], one["head_hash"], steady(one["impact"])] for one in told]
    return shown({"incidents": told, "cursor": page.cursor}, [told_by, page.cursor])


def _with_impact(state: IncidentState, yardstick: Yardstick, now: Millis) -> dict[str, Any]:
    return {**incident_view(state), "impact": impact_view(state, yardstick, now)}


def _state_at(projection: Projection, incident_id: str, instant: Millis) -> IncidentState:
    events = whole_timeline(projection, incident_id)
    return fold(incident_id, [stored.event for stored in events if stored.event.recorded_at <= instant])


def _time(name: str, text: str, now: Millis) -> Millis:
    try:
        return parse_time(text, now)
    except InvalidInputError as error:
        raise HTTPException(422, f"{name}: {error}") from error


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


def _example(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": example}}}}


# What OpenAPI shows: the most telling fields of each answer.
_INCIDENT = {
    "incident_id": "inc-3f2a9c1b", "status": "escalated", "version": 9, "head_hash": "5f0c…", "episode": 1,
    "tenant": "default", "service": "checkout", "tier": "CRITICAL", "severity": "CRITICAL",
    "title": "checkout: memory grows without bound", "classification": "MEMORY_LEAK", "confidence": 0.85,
    "root_cause": "checkout", "alerts": {"received": 51_000, "kept": 3_000, "suppressed": 48_000, "late": 0,
    "dead_lettered": 0}, "decision": {"action": "RESTART", "target": "checkout", "confidence": 0.8, "support": 0.57,
    "autonomous": False, "votes": []}, "approval": {"approval_id": "a1", "state": "PENDING"}, "actions": [],
    "impact": {"currency": "USD", "per_minute": 20_000.0, "cost": 8_000.0, "saved": 592_000.0, "left_s": 156.0},
}  # fmt: skip
_PAGE = {"incidents": [_INCIDENT], "cursor": "WzE3MDAwMDAwMDAwMDAsImluYy0zZjJhOWMxYiJd"}
_TIMELINE = {
    "incident_id": "inc-3f2a9c1b",
    "events": [{"version": 1, "type": "IncidentOpened", "occurred_at": 1_700_000_000_000, "hash": "5f0c…",
                "agent": "detection", "payload": {}, "topic": "incident.events", "partition": 2, "offset": 41}],
}  # fmt: skip
