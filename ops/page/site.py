"""Serves the page's files, and tells browsers to run nothing else."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

_FOLDER = Path(__file__).parent / "static"
_MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Whatever a hostile alert's text may smuggle in: no script but ours runs, and nothing is sent elsewhere.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


# JSON texts by the path of the API that would answer so.
First = Callable[[], Mapping[str, str]]


def page_router(first: First = dict) -> APIRouter:
    """GET / (the page), /docs (the API's description) and /page/NAME (their files).

    Args:
        first: answers of the API that come with the page, so that the first paint waits for no second question.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def page(request: Request) -> Response:
        content = _with_first(_files()["index.html"][0], first())
        return _answered(request, content, _tag(content), _MEDIA[".html"])

    @router.get("/docs")
    def docs(request: Request) -> Response:
        return _file(request, "docs.html")

    @router.get("/page/{name}")
    def file(request: Request, name: str) -> Response:
        return _file(request, name)

    return router


def _file(request: Request, name: str) -> Response:
    known = _files()
    if name not in known:
        raise HTTPException(404, "There is no such file.")
    return _answered(request, *known[name])


def _answered(request: Request, content: bytes, tag: str, media: str) -> Response:
    headers = {**_HEADERS, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media, headers=headers)


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """All files by name: only what lies in the folder can be asked for."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _MEDIA:
            content = path.read_bytes()
            found[path.name] = content, _tag(content), _MEDIA[path.suffix]
    page = _with_modules(found["index.html"][0], [name for name in found if name.endswith(".js") and name != "docs.js"])
    return {**found, "index.html": (page, _tag(page), _MEDIA[".html"])}


def _tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _with_modules(page: bytes, names: list[str]) -> bytes:
    """The page, naming its modules at once: else a browser finds them one import after the other."""
    links = "\n".join(f'<link rel="modulepreload" href="/page/{name}">' for name in names)
    return page.replace(b"<!-- modules -->", links.encode())


def _with_first(page: bytes, answers: Mapping[str, str]) -> bytes:
    if not answers:
        return page.replace(b"<!-- first -->", b"")
    # Data, which no browser runs; a text in it cannot end the element.
    members = ",".join(f"{json.dumps(path)}:{text}" for path, text in answers.items()).replace("<", "\\u003c")
    block = f'<script type="application/json" id="first">{{{members}}}</script>'
    return page.replace(b"<!-- first -->", block.encode())
