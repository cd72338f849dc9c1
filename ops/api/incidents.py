"""`/api/v1/incidents`: pages of incidents, one incident now or at an instant, its timeline; read from the projection."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from ops.api.impact import steady
from ops.api.incident_pages import IncidentPages, Wanted
from ops.api.incident_paths import INCIDENT
from ops.api.problems import ProblemRoute, problems
from ops.api.tags import Shown, answered, tagged
from ops.api.views import event_view
from ops.incident_lookup import known_by, whole_timeline
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
_MOST_CHARS = 200

Limit = Annotated[int, Query(ge=1, le=_MOST_INCIDENTS, description="Incidents of a page.")]
Since = Annotated[
    str | None,
    Query(description="Only what changed since: ISO 8601, epoch, or how long ago (15m).", examples=["15m"]),
]
Search = Annotated[
    str,
    Query(
        max_length=_MOST_CHARS,
        description="Only those with this text in title, id, service, tenant, cause or kind. A page looks through the next "
        "2,000 incidents: it may have few or none and a cursor all the same.",
    ),
]
At = Annotated[
    str | None,
    Query(
        description="As it was at this instant: ISO 8601, epoch, or how long ago (15m).", examples=["2026-01-31T12:00Z"]
    ),
]


def incidents_router(
    projection: Callable[[], Projection],
    pages: IncidentPages | None = None,
    clock: Callable[[], Millis] = wall_clock_ms,
) -> APIRouter:
    """The routes; `projection` gives the store, once the application has started."""
    lists = pages or IncidentPages(projection, clock=clock)
    router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"], route_class=ProblemRoute)

    # Plain functions run on FastAPI's threads, so a slow store does not hold up the event loop. What is there already needs no
    # thread, whose wake-ups are a good part of a small answer's price.
    @router.get(
        "", responses={**_example(_PAGE), 304: {"description": "As If-None-Match has it."}, **problems(422, 503)}
    )
    async def incidents(
        request: Request,
        status: Status | None = None,
        tenant: str | None = None,
        service: str | None = None,
        since: Since = None,
        q: Search = "",
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> Response:
        """Incidents, the latest change first; `cursor` of the answer asks for the next page, null ends it."""
        since_ms = None if since is None else _time("since", since, clock())
        wanted = Wanted(IncidentQuery(status, tenant, service, since_ms, limit, cursor), q.strip())
        held = lists.held(wanted)
        made: Shown = held if held is not None else await run_in_threadpool(_asked, lambda: lists.shown(wanted))
        return answered(request, made)

    @router.get(f"/{INCIDENT}", responses={**_example(_INCIDENT), **problems(404, 422, 503)})
    def incident(request: Request, incident_id: str, at: At = None) -> Response:
        """The folded state of one incident: as it is, or as it was `at` an instant."""
        now = clock()
        instant = now if at is None else _time("at", at, now)
        state = _asked(lambda: projection().incident(incident_id))
        if state is None:
            raise _unknown(incident_id)
        if at is not None:
            state = _asked(lambda: state_at(projection(), incident_id, instant))
        told = lists.with_impact(state, instant)
        return tagged(request, told, [told["version"], told["head_hash"], steady(told["impact"]), at and instant])

    @router.get(f"/{INCIDENT}/timeline", responses={**_example(_TIMELINE), **problems(404, 422, 503)})
    def timeline(
        request: Request,
        incident_id: str,
        after_version: Annotated[int, Query(ge=0, le=2**62)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS)] = _MOST_EVENTS,
    ) -> Response:
        """The events of one incident in order, each with its hash and its place in the log."""
        events = _asked(lambda: projection().timeline(incident_id, after_version, limit))
        if not events and _asked(lambda: projection().incident(incident_id)) is None:
            raise _unknown(incident_id)
        told = {"incident_id": incident_id, "events": [event_view(event) for event in events]}
        return tagged(request, told, [incident_id, after_version, [stored.event.hash for stored in events]])

    return router


def state_at(projection: Projection, incident_id: str, instant: Millis) -> IncidentState:
    """An incident as it was at an instant: folded from the events up to then."""
    return fold(incident_id, known_by(whole_timeline(projection, incident_id), instant))


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
