"""The page's addresses: each view as a page, each as the fragment that htmx puts in place of it, and what people do."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from ops.api.approvals import AnswerBody
from ops.api.letters import RedriveBody
from ops.api.problems import ConflictError, faults
from ops.api.records import record_shown
from ops.page.files import HEADERS, HTML, answered, tag_of
from ops.page.fragments import Fragments, framed, told_by_all
from ops.page.rendering import render
from ops.page.sources import Sources
from ops.page.views import VIEWS
from schemas.errors import BreakwaterError

# Tells the page that something is to be asked for anew.
_CHANGED = {**HEADERS, "HX-Trigger": "changed"}


class HtmlRoute(APIRoute):
    """A route whose errors are told as HTML, where the answer would have been."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors told."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except (HTTPException, RequestValidationError, BreakwaterError) as error:
                status, html = wrong(error)
                return Response(html, status, HEADERS, HTML)

        return told


class Letters(BaseModel):
    """The form of a redrive: `dead_letter_id` where one letter's button was pressed, else those of a reason ("" is all)."""

    by: str = ""
    why: str = ""
    reason: str = ""
    dead_letter_id: str = ""


def wrong(error: Exception) -> tuple[int, str]:
    """What an error is told as: status and HTML, which says what to do."""
    if isinstance(error, HTTPException):
        status, detail = error.status_code, str(error.detail)
    elif isinstance(error, RequestValidationError):
        status, detail = 422, faults(error)
    elif isinstance(error, BreakwaterError):
        status = 409 if isinstance(error, ConflictError) else 503 if error.retriable else 500
        detail = str(error)
    else:
        raise error
    return status, render("wrong.html", detail=detail)


def page_router(sources: Sources, fragments: Fragments) -> APIRouter:
    """GET / and a path a view, /part/… what htmx asks for, and the posts of approvals, redrives and reruns."""
    router = APIRouter(include_in_schema=False, route_class=HtmlRoute)
    _add_views(router, fragments)
    _add_looks(router, sources)
    _add_deeds(router, sources, fragments)
    return router


def _add_views(router: APIRouter, fragments: Fragments) -> None:
    async def whole(request: Request, name: str, asked: dict[str, str]) -> Response:
        try:
            found, status = await fragments.page(name, asked), 200
        except (HTTPException, BreakwaterError) as error:
            status, content = wrong(error)
            found = told_by_all(framed(name, asked, content))
        return answered(request, found.html.encode(), found.tag, HTML, status)

    async def part(request: Request, name: str, asked: dict[str, str]) -> Response:
        found = await fragments.view(name, asked)
        return answered(request, found.html.encode(), found.tag, HTML)

    @router.get("/part/counts")
    async def counts(request: Request, listed: bool = False) -> Response:
        found = await fragments.counts(listed)
        return answered(request, found.html.encode(), found.tag, HTML)

    for name in VIEWS.keys() - {"incident"}:
        _add_view(router, name, whole, part)

    @router.get("/incident/{incident_id:path}")
    async def incident(request: Request, incident_id: str) -> Response:
        return await whole(request, "incident", {**request.query_params, "id": incident_id})

    @router.get("/part/incident/{incident_id:path}")
    async def incident_part(request: Request, incident_id: str) -> Response:
        return await part(request, "incident", {**request.query_params, "id": incident_id})

    @router.get("/docs")
    def docs(request: Request) -> Response:
        page = _docs(request.app.openapi())
        return answered(request, page, tag_of(page), HTML)


Answer = Callable[[Request, str, dict[str, str]], Awaitable[Response]]


def _add_view(router: APIRouter, name: str, whole: Answer, part: Answer) -> None:
    @router.get("/" if name == "incidents" else f"/{name}")
    async def page(request: Request) -> Response:
        return await whole(request, name, dict(request.query_params))

    @router.get(f"/part/{name}")
    async def fragment(request: Request) -> Response:
        return await part(request, name, dict(request.query_params))


def _docs(openapi: Mapping[str, Any]) -> bytes:
    return render(
        "docs.html", paths=openapi["paths"], schemas=openapi.get("components", {}).get("schemas", {})
    ).encode()


def _add_looks(router: APIRouter, sources: Sources) -> None:
    @router.get("/part/record/{topic}/{partition}/{offset}")
    def record(
        topic: str, partition: Annotated[int, Path(ge=0, le=100_000)], offset: Annotated[int, Path(ge=0, le=2**62)]
    ) -> Response:
        found = orjson.loads(record_shown(sources.read, topic, partition, offset))
        return _html("record.html", one=found, place=(topic, partition, offset))

    @router.get("/part/letter/{dead_letter_id}")
    def letter(dead_letter_id: str) -> Response:
        return _html("letter.html", one=sources.letters.letter(dead_letter_id))


def _add_deeds(router: APIRouter, sources: Sources, fragments: Fragments) -> None:
    @router.post("/part/approvals/{approval_id}")
    async def answer(approval_id: str, body: AnswerBody) -> Response:
        approval, recorded = await sources.approvals.answer(approval_id, body)
        fragments.forget()
        return _html("answered.html", _CHANGED, approval=approval, recorded=recorded)

    @router.post("/part/letters/redrive")
    def put_back(form: Letters) -> Response:
        only = form.dead_letter_id or None
        try:
            body = RedriveBody(
                dead_letter_id=only, reason=None if only else form.reason or None, by=form.by, why=form.why
            )
        except ValueError as error:
            raise HTTPException(422, "Say who you are and why: both are kept.") from error
        done = sources.letters.put_back(body)
        fragments.forget()
        return _html("put_back.html", _CHANGED, done=done)

    @router.post("/part/rerun/{incident_id:path}")
    async def rerun(incident_id: str) -> Response:
        verdict = await sources.exports.rerun(incident_id)
        fragments.forget()
        return _html("rerun.html", verdict=verdict, id=incident_id)


def _html(template: str, headers: Mapping[str, str] = HEADERS, **context: Any) -> Response:
    return Response(render(template, **context), headers=dict(headers), media_type=HTML)
