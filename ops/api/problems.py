"""What an answer says when it cannot be given: RFC 9457 problem details, with what to do next."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from schemas.errors import BreakwaterError

log = structlog.get_logger()

MEDIA = "application/problem+json"
_AGAIN_S = "5"


class ProblemRoute(APIRoute):
    """A route whose errors are problem details: those of HTTP, and those of the program, which say what to do."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors told."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                return _answer(error.status_code, str(error.detail), dict(error.headers or {}))
            except BreakwaterError as error:
                log.error("request failed", path=request.url.path, error=str(error))
                return problem(error)

        return told


def problem(error: BreakwaterError) -> Response:
    """503 where trying again may help, else 500; the error's message is the detail."""
    if error.retriable:
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": _AGAIN_S})
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), {})


def _answer(status: int, detail: str, headers: dict[str, str]) -> Response:
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(document, status, headers, MEDIA)
