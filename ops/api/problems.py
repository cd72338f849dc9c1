"""What an answer says when it cannot be given: RFC 9457 problem details, with what to do next."""

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from schemas.errors import BreakwaterError, plainly

log = structlog.get_logger()

MEDIA = "application/problem+json"
_AGAIN_S = "5"
_MOST_FAULTS = 5
NO_JSON = "The body is no JSON in UTF-8, or is nested too deeply; send an object as /docs shows it."


class ConflictError(BreakwaterError):
    """What is asked does not fit what is: 409. `more` tells what is, as further members of the problem details."""

    def __init__(self, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.more = more


class ProblemRoute(APIRoute):
    """A route whose errors are problem details: those of HTTP, and those of the program, which say what to do."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors told."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                return answer(error.status_code, str(error.detail), dict(error.headers or {}))
            except RequestValidationError as error:
                return answer(HTTPStatus.UNPROCESSABLE_ENTITY, faults(error), {})
            except ConflictError as error:
                return answer(HTTPStatus.CONFLICT, str(error), {}, error.more)
            except BreakwaterError as error:
                log.error("request failed", path=request.url.path, error=str(error))
                return problem(error)

        return told


def problem(error: BreakwaterError) -> Response:
    """503 where trying again may help, else 500; the error's message is the detail."""
    if error.retriable:
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": _AGAIN_S})
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), {})


def answer(status: int, detail: str, headers: dict[str, str], more: Mapping[str, Any] | None = None) -> Response:
    """Problem details; `more` are members beside the usual ones."""
    document = {
        **(more or {}), "type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
    }  # fmt: skip
    return JSONResponse(document, status, headers, MEDIA)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, as OpenAPI lists them."""
    return {status: _described(HTTPStatus(status)) for status in statuses}


def _described(status: HTTPStatus) -> dict[str, Any]:
    example = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": "What to do next."}
    return {"description": status.phrase, "content": {MEDIA: {"example": example}}}


def faults(error: RequestValidationError) -> str:
    """What does not fit in a request, as a sentence."""
    if any(each["type"] == "json_invalid" for each in error.errors()):
        return NO_JSON
    told = [f"{'.'.join(map(str, each['loc'][1:])) or 'the body'}: {plainly(each['msg'])}" for each in error.errors()]
    return "; ".join(told[:_MOST_FAULTS]) + "."
