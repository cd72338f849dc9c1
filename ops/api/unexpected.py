"""Errors that no route tells: a path that is not there, a method that a path does not take, and what nobody foresaw.

They are problem details like all others. What nobody foresaw is logged with its traceback, and its text is not sent: it may
quote what is nobody's business.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ops.api.problems import NO_JSON, answer, faults

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Next = Callable[[Scope, Any, Send], Awaitable[None]]
# How an error is told to whom asked: the request's scope, the status, what is wrong and what to do, headers.
Tell = Callable[[Mapping[str, Any], int, str, dict[str, str]], Response]

_NO_PATH = "There is no such path. /docs lists those that there are, / is the page."
_NO_METHOD = "This path does not take {method}. The header Allow and /docs say what it takes."
# FastAPI's words for a body that Python's parser gave up.
_FASTAPI_NO_JSON = "There was an error parsing the body"
UNEXPECTED = (
    "Something unexpected went wrong in Breakwater. What you sent may not have been taken: send it again. If it happens again, "
    "the log of `breakwater serve` says why, under this path and this moment."
)


def as_problem(_: Mapping[str, Any], status: int, detail: str, headers: dict[str, str]) -> Response:
    """Problem details, whoever asks."""
    return answer(status, detail, headers)


class Unexpected:
    """ASGI middleware, the outermost: whatever an application raises is logged and told, never as bare text."""

    def __init__(self, app: Next, tell: Tell = as_problem) -> None:
        self._app, self._tell = app, tell

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """Pass a request on.

        Raises:
            Exception: what the application raised in the midst of its answer; the server then ends the connection.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = whole = False

        async def watched(message: Message) -> None:
            nonlocal begun, whole
            begun = True
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:  # the outermost layer: what is not told here is told by nobody
            log.exception("request failed unexpectedly", method=scope["method"], path=scope["path"])
            if not begun:
                await self._tell(scope, 500, UNEXPECTED, {})(scope, receive, send)
            elif not whole:
                raise


def tell_problems(app: FastAPI, tell: Tell = as_problem) -> None:
    """Have what FastAPI itself would answer told by `tell`."""

    async def refused(request: Request, error: Exception) -> Response:
        why = cast(HTTPException, error)
        detail = str(why.detail)
        if why.status_code == 404 and detail == "Not Found":
            detail = _NO_PATH
        elif why.status_code == 400 and detail == _FASTAPI_NO_JSON:
            detail = NO_JSON
        elif why.status_code == 405:
            detail = _NO_METHOD.format(method=request.method[:20])
        return tell(request.scope, why.status_code, detail, dict(why.headers or {}))

    async def invalid(request: Request, error: Exception) -> Response:
        return tell(request.scope, 422, faults(cast(RequestValidationError, error)), {})

    async def unforeseen(request: Request, _: Exception) -> Response:
        return tell(request.scope, 500, UNEXPECTED, {})

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)
