"""`/api/v1/stream`: the events as they are recorded, as server-sent events.

`event: incident` carries one event's summary; `event: reset` says that something was missed: ask for everything anew.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from ops.api.feed import Feed, Listener
from ops.api.problems import ProblemRoute, problems

HEARTBEAT_S = 10.0
# So long a stream may keep a process that is to end.
_LOOK_S = 1.0
# The first event of a quiet moment is sent at once; what comes right behind it is sent together.
_GATHER_S = 0.2
# What browsers wait before they come back.
_RETRY_MS = 1_000


def stream_router(feed: Feed, stopping: Callable[[], bool], heartbeat_s: float = HEARTBEAT_S) -> APIRouter:
    """The route; `stopping` says when the process is to end: no stream keeps it."""
    router = APIRouter(prefix="/api/v1/stream", tags=["stream"], route_class=ProblemRoute)

    @router.get(
        "",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"example": _EXAMPLE}}}, **problems(503)},
    )
    async def stream(request: Request, last_event_id: str | None = None) -> StreamingResponse:
        """What is recorded from now on, or after the id in Last-Event-ID (or `?last_event_id=`).

        `event: alive` every ten seconds tells that the stream is alive. Whoever reads too slowly is sent a reset.
        """
        if feed.full:
            raise HTTPException(503, "Too many listen already. Try again later.", {"Retry-After": "5"})
        since = request.headers.get("last-event-id", last_event_id)
        listener = feed.join(since or None)
        return StreamingResponse(
            _lines(feed, listener, stopping, heartbeat_s),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )

    return router


async def _lines(
    feed: Feed, listener: Listener, stopping: Callable[[], bool], heartbeat_s: float
) -> AsyncIterator[str]:
    try:
        # What waits has ids of its own, and all of it comes first.
        yield f"retry: {_RETRY_MS}\n{'' if listener.waiting else _id(feed.id)}event: hello\n{_state(feed)}"
        told_at = time.monotonic()
        while not stopping():
            found = await listener.next(min(_LOOK_S, heartbeat_s))
            if not found and found is not None and time.monotonic() - told_at < heartbeat_s:
                continue
            told_at = time.monotonic()
            if found is None:
                yield f"{_id(feed.id)}event: reset\ndata: {{}}\n\n"
            else:
                yield "".join(message.frame for message in found) or f"event: alive\n{_state(feed)}"
                if found:
                    await asyncio.sleep(_GATHER_S)
    finally:
        feed.leave(listener)


def _state(feed: Feed) -> str:
    return f"data: {json.dumps({'following': feed.following})}\n\n"


def _id(text: str) -> str:
    return f"id: {text}\n" if text else ""


_EXAMPLE = (
    'id: 0:41,1:7\nevent: incident\ndata: {"incident_id": "inc-3f2a9c1b", "version": 4, "type": "DecisionMade", '
    '"agent": "consensus", "recorded_at": 1700000000000}\n\n'
)
