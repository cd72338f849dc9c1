"""Serves the page's files, and tells browsers to run nothing else."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

_FOLDER = Path(__file__).parent / "static"
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Whatever a hostile alert's text may smuggle in: no script but ours runs, and nothing is sent elsewhere. Forms are for browsers
# without scripts: they ask the page itself. Trusted types: docs/decisions/0008-page-from-the-server.md.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


HTML = "text/html; charset=utf-8"


def files_router() -> APIRouter:
    """GET /page/NAME, of programs of others /page/vendor/NAME."""
    router = APIRouter(include_in_schema=False)

    @router.get("/page/{name:path}")
    def file(request: Request, name: str) -> Response:
        known = files()
        if name not in known:
            raise HTTPException(404, "There is no such file.")
        return answered(request, *known[name])

    return router


def answered(request: Request, content: bytes, tag: str, media: str, status: int = 200) -> Response:
    """The content with its tag, or 304 to whoever has it."""
    headers = {**HEADERS, "ETag": tag}
    if status == 200 and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, status, headers, media)


def tag_of(content: bytes) -> str:
    """An entity tag: the same for the same content."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@cache
def files() -> dict[str, tuple[bytes, str, str]]:
    """All files by name: only what lies in the folder can be asked for."""
    found = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _MEDIA:
            content = path.read_bytes()
            found[path.relative_to(_FOLDER).as_posix()] = content, tag_of(content), _MEDIA[path.suffix]
    return found
